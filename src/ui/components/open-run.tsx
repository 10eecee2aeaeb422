import { useApp } from '../state/app-state.ts';

/** A run that was trained elsewhere: its files are chosen here, or dropped anywhere on the page. */
export function OpenRun() {
  const { run, storedRuns } = useApp();
  const isLocked = run.isActive.value || storedRuns.busyId.value !== null;
  const chooser = (label: string, isFolder: boolean, words: string) => (
    <label class="link">
      <input
        type="file"
        class="visually-hidden"
        aria-label={label}
        multiple
        disabled={isLocked}
        {...(isFolder ? { webkitdirectory: true } : { accept: '.json,.safetensors,.zip' })}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = '';
          if (files.length > 0) void storedRuns.openFiles(files);
        }}
      />
      {words}
    </label>
  );
  return (
    <p class="small muted">
      A run that was trained elsewhere opens from its <code>trainer_state.json</code> and adapter: choose the{' '}
      {chooser('Files of a run', false, 'files or a zip')}, or the{' '}
      {chooser('Folder of a run', true, 'folder')}.
    </p>
  );
}

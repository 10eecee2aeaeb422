import { useApp } from '../state/app-state.ts';
import { FileChooser } from './file-chooser.tsx';

/** A run that was trained elsewhere: its files are chosen here, or dropped anywhere on the page. */
export function OpenRun() {
  const { run, storedRuns } = useApp();
  const chooser = {
    isLocked: run.isActive.value || storedRuns.busyId.value !== null,
    onChoose: (files: File[]) => void storedRuns.openFiles(files),
  };
  return (
    <p class="small muted">
      A run that was trained elsewhere opens from its <code>trainer_state.json</code> and adapter: choose the{' '}
      <FileChooser
        label="Files of a run"
        words="files or a zip"
        accept=".json,.safetensors,.zip"
        {...chooser}
      />
      , or the <FileChooser label="Folder of a run" words="folder" accept={null} {...chooser} />.
    </p>
  );
}

import { useApp } from '../state/app-state.ts';

/** Opens the settings of a run again, and gives those that are in force away as a link. */
export function SettingsTransferView() {
  const { settingsTransfer: transfer } = useApp();
  const note = transfer.note.value;
  const copy = async (): Promise<void> => {
    const link = transfer.linkTo(location.href);
    try {
      await navigator.clipboard.writeText(link);
      transfer.say('The link is copied. It holds the settings that are not the defaults, and no data.');
    } catch {
      transfer.say(`The browser did not let the page copy it: ${link}`);
    }
  };
  return (
    <div class="settings-transfer">
      <label class="file-button">
        <input
          type="file"
          class="visually-hidden"
          aria-label="Settings file"
          accept=".json,application/json"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void transfer.openFile(file);
            event.currentTarget.value = '';
          }}
        />
        <span class="button small-button">Open run_config.json</span>
      </label>
      <button type="button" class="button small-button" onClick={() => void copy()}>
        Copy as link
      </button>
      {note !== null && (
        <div class="transfer-note" data-refused={note.isRefused} role={note.isRefused ? 'alert' : undefined}>
          {note.lines.map((line) => (
            <p key={line} class="small">
              {line}
            </p>
          ))}
          <button type="button" class="button quiet small-button" onClick={transfer.putAway}>
            Close
          </button>
        </div>
      )}
    </div>
  );
}

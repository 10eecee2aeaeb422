import { presets } from '../../config/presets.ts';
import { useApp } from '../state/app-state.ts';

/** Settings by name. Whoever edits one of them afterwards has settings of their own. */
export function PresetChoice() {
  const { settings, changeSettings } = useApp();
  const preset = presets.find(({ id }) => id === settings.preset.value);
  return (
    <div class="setting" data-type="text">
      <label class="setting-label" htmlFor="preset">
        Preset
      </label>
      <p class="setting-help" id="preset-help">
        {preset === undefined
          ? 'Sets all that a published recipe names.'
          : `For ${preset.models}. ${preset.note}`}
      </p>
      <div class="setting-control">
        <select
          id="preset"
          class="control"
          value={preset?.id ?? ''}
          aria-describedby="preset-help"
          onChange={(event) => {
            const id = event.currentTarget.value;
            void changeSettings(() => settings.usePreset(id));
          }}
        >
          <option value="">none</option>
          {presets.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

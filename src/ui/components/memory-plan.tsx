import type { MemoryReport, MemorySuggestion } from '../../api/trainer-api.ts';
import { fieldOf, type RunConfigKey } from '../../config/run-config.ts';
import { formatBytes } from '../format.ts';
import { useApp } from '../state/app-state.ts';

const parts: readonly (readonly [keyof MemoryReport['plan'], string])[] = [
  ['weights', 'Base weights'],
  ['adapter', 'Adapter, gradients, moments'],
  ['inputs', 'Layer inputs'],
  ['layers', 'Activations'],
  ['scratch', 'Scratch and logits'],
  ['loss', 'Loss'],
  ['rope', 'Rotary table'],
  ['generation', 'Sample traces, KV cache'],
];

/** What the run will take of the GPU, before it starts; when that is too much, settings that fit at one click. */
export function MemoryPlan() {
  const report = useApp().forecast.report.value?.memory;
  if (report === undefined) return null;
  const { plan, fits, available, reason } = report;
  return (
    <div class="memory-plan">
      <details class="fold">
        <summary>
          GPU memory: {formatBytes(plan.total)}
          {available !== null && ` of ${formatBytes(available)}`}
        </summary>
        <table class="memory-table small">
          <tbody>
            {parts.map(([key, label]) => (
              <tr key={key}>
                <th scope="row">{label}</th>
                <td>{formatBytes(plan[key])}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <p class="small muted">Planned and then allocated as planned; {reason}.</p>
      </details>
      {!fits && <Advice report={report} />}
    </div>
  );
}

function Advice({ report }: { report: MemoryReport }) {
  const { settings } = useApp();
  const { suggestions } = report;
  const use = (suggestion: MemorySuggestion): void => {
    for (const [key, value] of Object.entries(suggestion.settings))
      settings.edit(key as RunConfigKey, typeof value === 'number' ? String(value) : value);
  };
  return (
    <div class="alert" role="alert">
      <p class="alert-message">
        {suggestions.length === 0
          ? 'This run does not fit, and no change of settings is enough: choose a smaller model.'
          : 'This run does not fit. These settings do:'}
      </p>
      {suggestions.map((suggestion) => (
        <button
          key={describeSettings(suggestion.settings)}
          type="button"
          class="button small-button"
          onClick={() => use(suggestion)}
        >
          {describeSettings(suggestion.settings)} ({formatBytes(suggestion.total)})
        </button>
      ))}
    </div>
  );
}

export const describeSettings = (settings: MemorySuggestion['settings']): string =>
  Object.entries(settings)
    .map(([key, value]) => `${fieldOf(key as RunConfigKey).label} ${String(value)}`)
    .join(', ');

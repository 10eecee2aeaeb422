import { formatBytes } from '../format.ts';
import { useApp } from '../state/app-state.ts';

/** The models that open without the network, and how to be rid of them. Nothing where there are none. */
export function KeptModels({ isLocked }: { isLocked: boolean }) {
  const { hubModels, useKept } = useApp();
  const kept = hubModels.kept.value;
  if (kept.length === 0) return null;
  const bytes = kept.reduce((sum, model) => sum + model.bytes, 0);
  return (
    <details class="kept">
      <summary>
        Kept on this computer <span class="muted">{formatBytes(bytes)}</span>
      </summary>
      <ul aria-label="Models kept on this computer">
        {kept.map((model) => {
          const name = `${model.repo}, ${model.quantization}`;
          return (
            <li key={`${model.repo} ${model.commit} ${model.quantization}`}>
              <div>
                <span class="kept-name">{model.repo}</span>
                <span class="small muted">
                  {model.quantization === 'none' ? 'float32' : model.quantization} ·{' '}
                  {formatBytes(model.bytes)} · {model.revision} at {model.commit.slice(0, 7)}
                  {model.isCurrent ? '' : ' · of an earlier version: opening it fetches it anew'}
                </span>
              </div>
              <button
                type="button"
                class="button quiet small-button"
                aria-label={`Open ${name}`}
                disabled={isLocked}
                onClick={() => void useKept(model)}
              >
                Open
              </button>
              <button
                type="button"
                class="button quiet small-button"
                aria-label={`Delete ${name}`}
                onClick={() => void hubModels.remove(model)}
              >
                Delete
              </button>
            </li>
          );
        })}
      </ul>
      {kept.length > 1 && (
        <button type="button" class="button quiet small-button" onClick={() => void hubModels.removeAll()}>
          Delete all
        </button>
      )}
    </details>
  );
}

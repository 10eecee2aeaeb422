import { formatBytes } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { describeSettings } from './memory-plan.tsx';

/** Under the failure of a run that had no memory: settings that need less, each a click away. */
export function LessMemory() {
  const { lessMemory } = useApp();
  const ways = lessMemory.ways.value;
  if (ways.length === 0) return null;
  return (
    <div class="confirm" role="group" aria-label="Settings that need less memory">
      <p>These settings need less memory:</p>
      <div class="confirm-buttons">
        {ways.map((way) => {
          const text = describeSettings(way.settings);
          return (
            <button
              key={text}
              type="button"
              class="button small-button"
              disabled={lessMemory.blocker.value !== null}
              onClick={() => void lessMemory.use(way)}
            >
              {lessMemory.canGoOn(way) ? 'Go on' : 'Start anew'} with {text} ({formatBytes(way.total)})
            </button>
          );
        })}
      </div>
    </div>
  );
}

import { formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { mostCompared } from '../state/compare.ts';

/** Ticks a run of the list for the comparison. */
export function CompareTick({ id, label }: { id: string; label: string }) {
  const { compare } = useApp();
  return (
    <label class="run-tick">
      <input
        type="checkbox"
        aria-label={`Compare: ${label}`}
        checked={compare.ticked.value.includes(id)}
        onChange={(event) => compare.tick(id, event.currentTarget.checked)}
      />
      Compare
    </label>
  );
}

/** Where there is something to be compared. */
export function CompareButton() {
  const { compare, storedRuns } = useApp();
  const count = compare.ticked.value.length;
  if (storedRuns.list.value.length < 2) return null;
  return (
    <div class="run-actions">
      <button
        type="button"
        class="button small-button"
        aria-haspopup="dialog"
        disabled={count < 2}
        onClick={() => void compare.open()}
      >
        {count < 2 ? 'Compare runs' : `Compare ${formatCountOf(count, 'run')}`}
      </button>
      {count < 2 && (
        <span class="small muted">
          Tick two runs or more, at most {mostCompared}, to see them side by side.
        </span>
      )}
    </div>
  );
}

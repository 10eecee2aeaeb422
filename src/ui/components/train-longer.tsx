import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { StoredRun } from '../../api/stored-runs.ts';
import { longerRun, unitOf } from '../longer-run.ts';
import { useApp } from '../state/app-state.ts';
import { configOf } from '../state/stored-runs.ts';

/** How much longer, and what that does to the schedule, before it is done. */
export function TrainLonger({ run: stored, onClose }: { run: StoredRun; onClose: () => void }) {
  const { run, storedRuns } = useApp();
  const config = configOf(stored);
  const unit = unitOf(config);
  const [text, setText] = useState(
    unit === 'epochs' ? '1' : String(Math.min(stored.stepsPerEpoch, stored.totalSteps)),
  );
  const id = useId();
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.select(), []);
  const longer = longerRun(stored, config, text.trim() === '' ? NaN : Number(text));
  return (
    <form
      class="run-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (longer === null) return;
        onClose();
        void storedRuns.goOn(stored, longer.config);
      }}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <label for={id}>More {unit}</label>
      <input
        id={id}
        class="control number"
        type="text"
        inputMode="decimal"
        autoComplete="off"
        value={text}
        aria-describedby={`${id}-plan`}
        aria-invalid={longer === null}
        ref={first}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <p class="small" id={`${id}-plan`} aria-live="polite">
        {longer?.plan ?? `Type how many ${unit} more, so that there is a step left to do.`}
      </p>
      <div class="run-actions">
        <button
          type="submit"
          class="button primary small-button"
          disabled={longer === null || run.isActive.value}
        >
          Train on
        </button>
        <button type="button" class="button quiet small-button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </form>
  );
}

import { useState } from 'preact/hooks';
import type { BestStep, Phase } from '../../api/trainer-api.ts';
import { formatCount, formatLoss } from '../format.ts';
import { phaseBars } from '../run-words.ts';
import { useApp, type AppState } from '../state/app-state.ts';

/** The phase first, then where it stands: scripts read the first word. */
export function RunStatus() {
  const app = useApp();
  const { run } = app;
  const phase = phaseOf(app);
  const latest = run.latest.value;
  const result = run.result.value;
  const part = run.partProgress.value;
  const pending = run.pending.value;
  const notes = [
    result !== null && `loss ${formatLoss(result.lossFirst)} → ${formatLoss(result.lossLast)}`,
    result !== null && result.best !== null && bestNote(result.best, result.isBestKept),
    result?.earlyStop,
    run.note.value,
    pending !== null && `${pending === 'pause' ? 'pausing' : 'ending'} after this step …`,
  ].filter((note) => typeof note === 'string' && note !== '');

  return (
    <div class="status" role="status" data-phase={phase} data-diverging={run.isDiverging.value}>
      <span class="phase">{phase}</span> {/* Read out with a change of phase, but not at every step. */}
      <span class="status-step" aria-live="off">
        {latest !== null && `step ${formatCount(latest.step)} of ${formatCount(latest.totalSteps)}`}
      </span>{' '}
      <span class="status-note">{notes.join(' · ')}</span>{' '}
      <span class="status-note" aria-live="off">
        {part !== null && `${formatCount(part.done)} / ${formatCount(part.total)}`}
      </span>
    </div>
  );
}

const bestNote = ({ step, evalLoss }: BestStep, isKept: boolean): string =>
  `lowest held-out loss ${formatLoss(evalLoss)} at step ${formatCount(step)}${isKept ? ', whose adapter this is' : ''}`;

function phaseOf({ run, setUp, failures }: AppState): Phase {
  if (run.phase.value !== 'idle') return run.phase.value;
  const isOpening = setUp.device.value === null && failures.of('device').value === null;
  const isReading = setUp.model.progress.value !== null || setUp.dataset.progress.value !== null;
  return isOpening || isReading ? 'loading' : 'idle';
}

/** Asked only where the answer would matter: the browser asks the user once. */
export function OfferNotification() {
  const { run } = useApp();
  const [permission, setPermission] = useState('Notification' in window ? Notification.permission : 'denied');
  if (permission !== 'default' || (!run.isActive.value && run.latest.value === null)) return null;
  return (
    // It keeps its line when the run has ended: what lies below does not jump.
    <div class="offer">
      {run.isActive.value && (
        <button
          type="button"
          class="button quiet small-button"
          onClick={() => void Notification.requestPermission().then(setPermission)}
        >
          Tell me when it ends
        </button>
      )}
    </div>
  );
}

export function RunProgress() {
  const { run } = useApp();
  const latest = run.latest.value;
  const part = run.partProgress.value;
  const done = latest?.step ?? 0;
  const total = latest?.totalSteps ?? 0;
  return (
    <>
      <div
        class="phases"
        role="progressbar"
        aria-label="Training progress"
        aria-valuemin={0}
        aria-valuemax={total || 100}
        aria-valuenow={done}
        aria-valuetext={total === 0 ? 'not started' : `step ${done} of ${total}`}
      >
        {phaseBars({
          phase: run.phase.value,
          step: done,
          totalSteps: total,
          part,
          hasResults: run.after.value !== null || (run.result.value !== null && run.before.value === null),
        }).map(({ name, share }) => (
          <div key={name} data-part={name}>
            <span class="phase-name">{name}</span>
            <div class="bar">
              <div class="bar-fill" style={{ width: `${100 * share}%` }} />
            </div>
          </div>
        ))}
      </div>
    </>
  );
}

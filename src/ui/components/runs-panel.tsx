import { useState } from 'preact/hooks';
import type { StoredRun } from '../../api/stored-runs.ts';
import { formatBytes, formatCount, formatLoss } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { FailureAlert } from './failure-alert.tsx';

/** Runs kept in this browser. Those that were interrupted come first, with what can be done about them. */
export function RunsPanel() {
  const { storedRuns } = useApp();
  const { list, unfinished } = storedRuns;
  const others = list.value.filter((run) => !unfinished.value.includes(run));
  return (
    <section class="panel runs" aria-label="Runs">
      <h2>Runs</h2>
      <FailureAlert scope="runs" />
      {list.value.length === 0 && (
        <p class="empty">
          Each run is kept here, in this browser, while it goes on and after its end: one that is interrupted
          can continue.
        </p>
      )}
      {unfinished.value.length > 0 && (
        <ul class="run-list" aria-label="Unfinished runs">
          {unfinished.value.map((run) => (
            <RunRow key={run.id} run={run} />
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <ul class="run-list" aria-label="Other runs">
          {others.map((run) => (
            <RunRow key={run.id} run={run} />
          ))}
        </ul>
      )}
    </section>
  );
}

const dateOf = (ms: number): string =>
  new Date(ms).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

function stateOf({ state, isHeld, step, totalSteps }: StoredRun, isHere: boolean): string {
  const at = `step ${formatCount(step)} of ${formatCount(totalSteps)}`;
  if (isHere) return `under way, saved at ${at}`;
  if (isHeld) return `under way in another tab, saved at ${at}`;
  if (state === 'running') return `interrupted, saved at ${at}`;
  if (state === 'finished') return `finished, ${formatCount(totalSteps)} steps`;
  return `${state} at ${at}`;
}

function RunRow({ run: stored }: { run: StoredRun }) {
  const { run, storedRuns, downloadStored } = useApp();
  const [isAsking, setAsking] = useState(false);
  const isHere = run.isActive.value && run.id.value === stored.id;
  const isBlocked = run.isActive.value || storedRuns.busyId.value !== null;
  const name = `${stored.title || stored.model.name} · ${stored.dataset.name}`;
  const label = `${name}, ${dateOf(stored.createdMs)}`;
  const hasAdapter = stored.step > 0;
  const action = (text: string, act: () => Promise<void>, isDisabled: boolean, kind = 'quiet') => (
    <button
      type="button"
      class={`button ${kind} small-button`}
      aria-label={`${text}: ${label}`}
      disabled={isDisabled}
      onClick={() => void act()}
    >
      {text}
    </button>
  );
  return (
    <li aria-current={run.id.value === stored.id}>
      <p class="run-name">{name}</p>
      <p class="small muted">
        {dateOf(stored.createdMs)} · {stateOf(stored, isHere)}
        {stored.lossLast !== null && ` · loss ${formatLoss(stored.lossLast)}`} · {formatBytes(stored.bytes)}
      </p>
      {stored.failure !== null && <p class="small">{stored.failure.message}</p>}
      <div class="run-actions">
        {!stored.isHeld &&
          stored.state !== 'finished' &&
          action('Continue', () => storedRuns.goOn(stored), isBlocked, 'primary')}
        {action(stored.isHeld && !isHere ? 'Watch' : 'Show', () => storedRuns.show(stored.id), isBlocked)}
        {hasAdapter && action('Download', () => downloadStored(stored), storedRuns.busyId.value !== null)}
        {stored.state === 'finished' &&
          action('Use its settings', () => storedRuns.takeSettings(stored), isBlocked)}
        {!stored.isHeld &&
          (isAsking ? (
            <>
              {action('Delete for good', () => storedRuns.remove(stored.id), isBlocked, 'danger')}
              {action('Keep', () => Promise.resolve(setAsking(false)), false)}
            </>
          ) : (
            action('Delete', () => Promise.resolve(setAsking(true)), isBlocked)
          ))}
      </div>
    </li>
  );
}

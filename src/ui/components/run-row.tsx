import { useState } from 'preact/hooks';
import type { StoredRun } from '../../api/stored-runs.ts';
import { runName, untitled } from '../../support/run-name.ts';
import { formatBytes, formatCount, formatDate, formatLoss } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { CompareTick } from './compare-tick.tsx';
import { RunWords } from './run-words.tsx';
import { TrainLonger } from './train-longer.tsx';

function stateOf({ state, isHeld, step, totalSteps }: StoredRun, isHere: boolean): string {
  const at = `step ${formatCount(step)} of ${formatCount(totalSteps)}`;
  if (isHere) return `under way, saved at ${at}`;
  if (isHeld) return `under way in another tab, saved at ${at}`;
  if (state === 'running') return `interrupted, saved at ${at}`;
  if (state === 'finished') return `finished, ${formatCount(totalSteps)} steps`;
  return `${state} at ${at}`;
}

/** A kept run: what it is, what can be done with it, and the form of what was chosen. */
export function RunRow({ run: stored }: { run: StoredRun }) {
  const { run, storedRuns, exports, downloadStored } = useApp();
  const [open, setOpen] = useState<'longer' | 'words' | 'delete' | null>(null);
  const isHere = run.isActive.value && run.id.value === stored.id;
  const isBlocked = run.isActive.value || storedRuns.busyId.value !== null;
  const name = runName(stored);
  const label = `${name}, ${formatDate(stored.createdMs)}`;
  const isFree = !stored.isHeld;
  const hasAdapter = stored.step > 0;
  const close = (): void => setOpen(null);
  const action = (text: string, act: () => unknown, isDisabled: boolean, kind = 'quiet') => (
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
        {stored.title !== '' && `${untitled(stored)} · `}
        {formatDate(stored.createdMs)} · {stateOf(stored, isHere)}
        {stored.lossLast !== null && ` · loss ${formatLoss(stored.lossLast)}`} · {formatBytes(stored.bytes)}
        {stored.startedFrom !== null && ` · started from ${stored.startedFrom}`}
      </p>
      {stored.notes !== '' && <p class="small run-notes">{stored.notes}</p>}
      {stored.failure !== null && <p class="small">{stored.failure.message}</p>}
      <div class="run-actions">
        {isFree &&
          stored.state !== 'finished' &&
          stored.isImported !== true &&
          action('Continue', () => storedRuns.goOn(stored), isBlocked, 'primary')}
        {action(stored.isHeld && !isHere ? 'Watch' : 'Show', () => storedRuns.show(stored.id), isBlocked)}
        {hasAdapter && action('Download', () => downloadStored(stored), storedRuns.busyId.value !== null)}
        {hasAdapter && action('Export…', () => exports.openStored(stored), storedRuns.busyId.value !== null)}
        {isFree &&
          hasAdapter &&
          stored.isImported !== true &&
          action('Train longer', () => setOpen('longer'), isBlocked)}
        {isFree && hasAdapter && action('Start from it', () => storedRuns.startFrom(stored), isBlocked)}
        {stored.state === 'finished' &&
          action('Use its settings', () => storedRuns.takeSettings(stored), isBlocked)}
        {isFree && action('Rename', () => setOpen('words'), storedRuns.busyId.value !== null)}
        {isFree && action('Delete', () => setOpen('delete'), isBlocked)}
        <CompareTick id={stored.id} label={label} />
      </div>
      {open === 'longer' && <TrainLonger run={stored} onClose={close} />}
      {open === 'words' && <RunWords run={stored} onClose={close} />}
      {open === 'delete' && (
        <div class="run-actions">
          {action('Delete for good', () => storedRuns.remove(stored.id), isBlocked, 'danger')}
          {action('Keep', close, false)}
        </div>
      )}
    </li>
  );
}

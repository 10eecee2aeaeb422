import { useSignal } from '@preact/signals';
import { isFound } from '../find-runs.ts';
import { useApp } from '../state/app-state.ts';
import { CompareButton } from './compare-tick.tsx';
import { FailureAlert } from './failure-alert.tsx';
import { latePart } from './late-part.tsx';
import { OpenRun } from './open-run.tsx';
import { RunRow } from './run-row.tsx';

const CompareDialog = latePart(async () => (await import('./compare-dialog.tsx')).CompareDialog, 'runs');

/** As many are seen at once. */
const fewRuns = 5;

/** Runs kept in this browser. Those that were interrupted come first, with what can be done about them. */
export function RunsPanel() {
  const { storedRuns, compare } = useApp();
  const { list, unfinished } = storedRuns;
  const sought = useSignal('');
  const others = list.value.filter((run) => !unfinished.value.includes(run));
  const found = others.filter((run) => isFound(run, sought.value));
  return (
    <section class="panel runs" aria-label="Runs">
      <h2>Runs</h2>
      <FailureAlert scope="runs" />
      <CompareButton />
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
      {others.length >= fewRuns && (
        <input
          class="control wide"
          type="search"
          aria-label="Find runs"
          placeholder="Find by title, notes, model or data"
          value={sought.value}
          onInput={(event) => (sought.value = event.currentTarget.value)}
        />
      )}
      {others.length > 0 && found.length === 0 && <p class="empty">No run has all of these words.</p>}
      {found.length > 0 && (
        <ul class="run-list" aria-label="Other runs">
          {found.map((run) => (
            <RunRow key={run.id} run={run} />
          ))}
        </ul>
      )}
      <OpenRun />
      {compare.compared.value !== null && <CompareDialog />}
    </section>
  );
}

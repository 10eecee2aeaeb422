import type { ComparedGroup } from '../../api/evaluations.ts';
import type { StoredRun } from '../../api/stored-runs.ts';
import { differencesOf, letterOf, nameOfRun, tokensPerSample } from '../compare-words.ts';
import { asFigure, figureNote, figureValue } from '../evaluation-words.ts';
import { formatCount, formatDuration, formatLoss } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import type { ComparedRuns } from '../state/compare.ts';
import { CompareLosses } from './compare-losses.tsx';
import { ComparePlot } from './compare-plot.tsx';
import { ModalDialog } from './modal-dialog.tsx';

/** Runs side by side: what they differ in, how their loss went, what they answer. */
export function CompareDialog() {
  const { compare } = useApp();
  const compared = compare.compared.value;
  return compared === null ? null : <Dialog compared={compared} />;
}

function Dialog({ compared }: { compared: ComparedRuns }) {
  const { compare } = useApp();
  const runs = compared.runs.map(({ run }) => run);
  return (
    <ModalDialog title={`${runs.length} runs side by side`} class="builder compare" onClose={compare.close}>
      {() => (
        <div class="compare-body">
          <section class="panel" aria-label="What they are">
            <RunsTable runs={runs} />
          </section>
          <section class="panel" aria-label="Loss of each run">
            <h3>Loss</h3>
            <CompareLosses runs={compared.runs} />
          </section>
          <section class="panel" aria-label="What they answer">
            <h3>Safety and its price</h3>
            <ComparePlot compared={compared} />
          </section>
          <section class="panel" aria-label="Suites">
            <h3>Suite by suite</h3>
            <SuitesTable compared={compared} />
          </section>
        </div>
      )}
    </ModalDialog>
  );
}

export function RunMark({ i }: { i: number }) {
  return (
    <span class="run-mark" data-run={i}>
      {letterOf(i)}
    </span>
  );
}

interface Fact {
  readonly name: string;
  readonly of: (run: StoredRun) => string;
}

const facts: readonly Fact[] = [
  { name: 'Model', of: ({ model }) => model.name },
  { name: 'Dataset', of: ({ dataset }) => dataset.name },
  { name: 'Started from', of: ({ startedFrom }) => startedFrom ?? 'fresh values' },
  { name: 'Rows trained', of: ({ counts }) => formatCount(counts.trainRows) },
  {
    name: 'Tokens a sample',
    of: ({ counts }) => tokensPerSample(counts)?.toFixed(1) ?? '–',
  },
  {
    name: 'Steps',
    of: ({ step, totalSteps }) =>
      step === totalSteps ? formatCount(step) : `${formatCount(step)} of ${formatCount(totalSteps)}`,
  },
  { name: 'Last loss', of: ({ lossLast }) => (lossLast === null ? '–' : formatLoss(lossLast)) },
  {
    name: 'Time of its steps',
    of: ({ result }) => (result === null ? '–' : formatDuration(1000 * result.seconds)),
  },
  {
    name: 'Trained tokens',
    of: ({ result }) => (result === null ? '–' : formatCount(result.targetTokens)),
  },
];

function RunsTable({ runs }: { runs: readonly StoredRun[] }) {
  const differences = differencesOf(runs);
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-label="Runs and their settings">
      <table class="results compared">
        <thead>
          <tr>
            <td />
            {runs.map((run, i) => (
              <th key={run.id} scope="col">
                <RunMark i={i} /> {nameOfRun(run)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {facts.map(({ name, of }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {runs.map((run) => (
                <td key={run.id}>{of(run)}</td>
              ))}
            </tr>
          ))}
        </tbody>
        <tbody>
          <tr class="suite-line">
            <th scope="rowgroup" colSpan={runs.length + 1}>
              {differences.length === 0 ? 'All settings are the same' : 'Settings that differ'}
            </th>
          </tr>
          {differences.map(({ setting, values }) => (
            <tr key={setting}>
              <th scope="row">
                <code>{setting}</code>
              </th>
              {values.map((value, i) => (
                <td key={i} class="setting-value">
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const measureWords: Readonly<Record<ComparedGroup['measure'], string>> = {
  refused: 'refused',
  correct: 'right',
};

function SuitesTable({ compared }: { compared: ComparedRuns }) {
  const { groups, points, leftOut, basis } = compared.comparison;
  const indexOf = (runId: string | null): number => compared.runs.findIndex(({ run }) => run.id === runId);
  return (
    <>
      {groups.length === 0 ? (
        <p class="empty">
          {basis === null
            ? 'Not all of these runs were evaluated: choose each of them under “Evaluate”, with the same suites.'
            : 'These runs were not asked the same prompts with the same settings.'}
        </p>
      ) : (
        <div class="table-scroll" tabIndex={0} role="group" aria-label="Rates of each run">
          <table class="results compared figures">
            <thead>
              <tr>
                <th scope="col">Suite</th>
                {points.map(({ runId, model }, i) => (
                  <th key={i} scope="col">
                    {runId === null ? `Base (${model})` : <RunMark i={indexOf(runId)} />}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {groups.map(({ suite, label, measure, rates }) => (
                <tr key={`${suite} ${label} ${measure}`}>
                  <th scope="row">
                    {suite}
                    <span class="small muted">
                      {measureWords[measure]}
                      {label !== null && `, prompts that are ${label === 'benign' ? 'harmless' : label}`}
                    </span>
                  </th>
                  {rates.map((rate, i) => (
                    <td key={i}>
                      {figureValue(asFigure(rate)) ?? 'no answers'}
                      <span class="note">{figureNote(asFigure(rate))}</span>
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {leftOut.length > 0 && (
        <p class="small muted footnote">
          Left out, since not all of them were asked the same of it: {leftOut.join(', ')}.
        </p>
      )}
    </>
  );
}

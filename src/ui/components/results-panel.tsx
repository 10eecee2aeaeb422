import type { EvaluationReport, SuiteResult } from '../../api/trainer-api.ts';
import { formatCount, formatPercent, formatPoints } from '../format.ts';
import { headlineOf, isControl } from '../headline.ts';
import { useApp } from '../state/app-state.ts';

interface Line {
  readonly suite: SuiteResult;
  readonly measure: string;
  readonly goal: 'higher' | 'lower';
  readonly before: number | null;
  readonly after: number | null;
}

export function ResultsPanel() {
  const { run, settings } = useApp();
  const before = run.before.value;
  const after = run.after.value;
  const result = run.result.value;
  const lines = toLines(before, after);
  return (
    // A run takes the room of its table when it starts.
    <section
      class={`panel ${lines.length > 0 || (run.isActive.value && settings.config.value.suitePrompts > 0) ? 'results-room' : ''}`}
      aria-label="Results"
    >
      <h2>Results</h2>
      {(lines.length > 0 || result !== null) && (
        <div class="headline-room">{result !== null && <Headline />}</div>
      )}
      {lines.length === 0 ? (
        <p class="empty">
          {settings.config.value.suitePrompts > 0
            ? 'After the run, base and adapter answer the evaluation suites, and their rates stand here.'
            : 'No evaluation: “Prompts per suite” is 0, or the model has no suites.'}
        </p>
      ) : (
        <>
          <table class="results">
            <thead>
              <tr>
                <th scope="col">Suite</th>
                <th scope="col">Before</th>
                <th scope="col">After</th>
                <th scope="col">Change</th>
              </tr>
            </thead>
            <tbody>
              {lines.map((line) => (
                <ResultRow key={`${line.suite.id} ${line.measure}`} line={line} />
              ))}
            </tbody>
          </table>
          <p class="small muted footnote">
            Refusals are found by string match, not by a human. Change in percentage points.
          </p>
        </>
      )}
    </section>
  );
}

/** What the figures below come to. */
function Headline() {
  const { run } = useApp();
  const result = run.result.value;
  const { text, tone } = headlineOf({
    before: run.before.value,
    after: run.after.value,
    lossFirst: result?.lossFirst ?? null,
    lossLast: result?.lossLast ?? null,
    isDiverging: run.isDiverging.value,
  });
  if (text === '') return null;
  return (
    <p class="headline" data-tone={tone}>
      {text}
    </p>
  );
}

function ResultRow({ line: { suite, measure, goal, before, after } }: { line: Line }) {
  const change = before === null || after === null ? null : after - before;
  const isEqual = change === null || change === 0 || isControl(suite);
  const isBetter = isEqual ? null : change > 0 === (goal === 'higher');
  return (
    <tr>
      <th scope="row">
        {suite.title}
        <span class="small muted">
          {measure} ({isControl(suite) ? 'neither is better' : `${goal} is better`}), n ={' '}
          {formatCount(suite.n)}
        </span>
      </th>
      <td>{before === null ? '–' : formatPercent(before)}</td>
      <td>{after === null ? '–' : formatPercent(after)}</td>
      <td class="change" data-better={isBetter}>
        {change === null ? '–' : formatPoints(change)}
      </td>
    </tr>
  );
}

function toLines(before: EvaluationReport | null, after: EvaluationReport | null): Line[] {
  const suites = (after ?? before)?.suites ?? [];
  return suites.flatMap((suite) => {
    const was = before?.suites.find(({ id }) => id === suite.id);
    const is = after?.suites.find(({ id }) => id === suite.id);
    const refused: Line = {
      suite,
      measure: 'refused',
      goal: suite.kind === 'harmful' ? 'higher' : 'lower',
      before: was?.refusedRate ?? null,
      after: is?.refusedRate ?? null,
    };
    if (suite.kind !== 'accuracy') return [refused];
    const correct: Line = {
      suite,
      measure: 'correct',
      goal: 'higher',
      before: was?.correctRate ?? null,
      after: is?.correctRate ?? null,
    };
    return [correct, refused];
  });
}

import type {
  EvaluationResults,
  GroupResult,
  JudgeReport,
  Measure,
  RowFilter,
  StoredEvaluation,
  SuiteResults,
} from '../../api/evaluations.ts';
import {
  asFigure,
  changeOf,
  figureNote,
  figureValue,
  goalOf,
  nameOfEvaluation,
  pairedText,
} from '../evaluation-words.ts';
import { formatCountOf, formatDate, formatPoints } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { RefusalPhrasesForm } from './refusal-phrases-form.tsx';
import { JudgeModelForm } from './judge-model-form.tsx';

/** Every figure with its interval, n and judge; each of them opens the rows that it was made of. */
export function EvaluationTable({
  evaluation,
  results,
}: {
  evaluation: StoredEvaluation;
  results: EvaluationResults;
}) {
  const { evaluations } = useApp();
  const { createdMs } = evaluation;
  return (
    <div class="evaluation">
      <h3>
        {nameOfEvaluation(evaluation)} <span class="muted">{formatDate(createdMs)}</span>
      </h3>
      <p class="small muted">{settingsText(results)}</p>
      <div class="table-scroll" tabIndex={0} role="group" aria-label="Figures of the evaluation">
        <table class="results figures">
          <thead>
            <tr>
              <th scope="col">Suite and judge</th>
              {results.variants.map(({ id }) => (
                <th key={id} scope="col">
                  {id === 'base' ? 'Base model' : 'Adapter'}
                </th>
              ))}
              {results.variants.length > 1 && <th scope="col">Change, in points</th>}
            </tr>
          </thead>
          {results.suites.map((suite) => (
            <SuiteLines key={suite.suite} suite={suite} results={results} />
          ))}
        </table>
      </div>
      <p class="small muted footnote">
        Below each rate: its 95 % interval (Wilson’s; for means Student’s t) and how many answers it counts.
        {results.variants.length > 1 &&
          ' p: how often chance alone would split the rows that changed at least as unevenly (McNemar’s exact test); green and red where that is below 5 %.'}{' '}
        A number opens its rows.
      </p>
      <details class="fold">
        <summary>How the answers are judged</summary>
        <dl class="judges">
          {results.judges.map(({ id, title, version, about }) => (
            <div key={id}>
              <dt>
                {title} <span class="muted">version {version}</span>
              </dt>
              <dd>{about}</dd>
            </div>
          ))}
        </dl>
      </details>
      <RefusalPhrasesForm evaluation={evaluation} />
      <JudgeModelForm evaluation={evaluation} />
      <div class="run-actions">
        <button type="button" class="button small-button" onClick={() => void evaluations.openRows({})}>
          All rows
        </button>
        {evaluation.variants.length > 1 && (
          <button
            type="button"
            class="button small-button"
            onClick={() => void evaluations.openRows({ changed: true })}
          >
            Changed rows
          </button>
        )}
      </div>
    </div>
  );
}

function settingsText({ settings }: EvaluationResults): string {
  const { maxNewTokens, temperature, samples, seed, systemPrompt } = settings;
  const decoding =
    temperature === 0
      ? 'The most likely token at each place'
      : `Temperature ${temperature}, ${formatCountOf(samples, 'answer')} per prompt, seed ${seed}`;
  const system = systemPrompt === '' ? '' : `, system prompt “${systemPrompt}”`;
  return `${decoding}, at most ${formatCountOf(maxNewTokens, 'token')} an answer${system}. Rates with other limits cannot be compared.`;
}

function SuiteLines({ suite, results }: { suite: SuiteResults; results: EvaluationResults }) {
  const { sampled, n } = suite;
  const size =
    sampled === null
      ? formatCountOf(n, 'prompt')
      : `${n} of ${sampled.of} prompts, drawn with seed ${sampled.seed}`;
  return (
    <tbody>
      <tr class="suite-line">
        <th scope="rowgroup" colSpan={results.variants.length + 2}>
          {suite.suite} <span class="muted">{size}</span>
        </th>
      </tr>
      {suite.groups.map((group) => (
        <GroupLines key={group.label ?? ''} suite={suite} group={group} results={results} />
      ))}
    </tbody>
  );
}

interface GroupProps {
  readonly suite: SuiteResults;
  readonly group: GroupResult;
  readonly results: EvaluationResults;
}

function GroupLines({ suite, group, results }: GroupProps) {
  const filter: RowFilter = {
    suite: suite.suite,
    ...(group.label === null ? {} : { label: group.label }),
  };
  const isSplit = suite.groups.length > 1;
  const { variants } = results;
  const isCompared = variants.length > 1;
  return (
    <>
      {isSplit && (
        <tr class="group-line">
          <th scope="rowgroup" colSpan={variants.length + 2}>
            {group.label ?? 'without a label'} <span class="muted">{formatCountOf(group.n, 'prompt')}</span>
          </th>
        </tr>
      )}
      {group.measures.map((measure) => (
        <MeasureLine
          key={measure.judge}
          measure={measure}
          judge={results.judges.find(({ id }) => id === measure.judge)}
          label={group.label}
          filter={filter}
          isCompared={isCompared}
        />
      ))}
      <tr class="minor">
        <th scope="row">Tokens an answer · share that reached the limit</th>
        {group.variants.map(({ variant, tokensPerAnswer, hitLimit, problems }) => (
          <td key={variant}>
            {tokensPerAnswer.n === 0 ? 'no answers' : tokensPerAnswer.mean.toFixed(1)}
            {hitLimit.n > 0 && (
              <>
                {' · '}
                <Opens filter={{ ...filter, hitLimit: true }} label={`at the limit, ${variant}`}>
                  {figureValue(asFigure(hitLimit)) ?? ''}
                </Opens>
              </>
            )}
            {problems > 0 && <span class="note">{formatCountOf(problems, 'prompt')} without an answer</span>}
          </td>
        ))}
        {isCompared && <td />}
      </tr>
    </>
  );
}

interface MeasureProps {
  readonly measure: Measure;
  readonly judge: JudgeReport | undefined;
  readonly label: GroupResult['label'];
  readonly filter: RowFilter;
  readonly isCompared: boolean;
}

function MeasureLine({ measure, judge, label, filter, isCompared }: MeasureProps) {
  const goal = goalOf(measure.judge, label);
  const title = judge?.title ?? measure.judge;
  return (
    <tr>
      <th scope="row">
        {title}
        {goal !== null && <span class="small muted">{goal} is better</span>}
      </th>
      {measure.variants.map(({ variant, figure, byJudge, overruled }) => (
        <td key={variant}>
          <Opens filter={filter} label={`Rows of ${title}, ${variant}`}>
            {figureValue(figure) ?? 'no answers'}
          </Opens>
          {figure.n > 0 && <span class="note">{figureNote(figure)}</span>}
          {overruled > 0 && (
            <span class="note">
              the judge alone {figureValue(byJudge) ?? 'none'}, {overruled} by you
            </span>
          )}
        </td>
      ))}
      {isCompared && <ChangeCell measure={measure} goal={goal} filter={filter} title={title} />}
    </tr>
  );
}

interface ChangeProps {
  readonly measure: Measure;
  readonly goal: 'higher' | 'lower' | null;
  readonly filter: RowFilter;
  readonly title: string;
}

/** Above it a change is not coloured: chance would do as much. */
const certainP = 0.05;

function ChangeCell({ measure, goal, filter, title }: ChangeProps) {
  const change = changeOf(measure);
  const { paired, judge } = measure;
  if (change === null) return <td>–</td>;
  const isCertain = paired !== null && paired.p < certainP;
  const isBetter = goal === null || !isCertain ? null : change > 0 === (goal === 'higher');
  return (
    <td class="change" data-better={isBetter}>
      <Opens filter={{ ...filter, changed: judge }} label={`Rows where ${title} changed`}>
        {formatPoints(change)}
      </Opens>
      {paired !== null && <span class="note">{pairedText(paired)}</span>}
    </td>
  );
}

function Opens({ filter, label, children }: { filter: RowFilter; label: string; children: string }) {
  const { evaluations } = useApp();
  return (
    <button
      type="button"
      class="opens"
      aria-label={`${children}. ${label}`}
      onClick={() => void evaluations.openRows(filter)}
    >
      {children}
    </button>
  );
}

import { useEffect, useRef } from 'preact/hooks';
import type {
  EvaluationResults,
  JudgedAnswer,
  JudgeReport,
  ResultRow,
  RowFilter,
  StoredEvaluation,
  Verdict,
} from '../../api/evaluations.ts';
import type { Prompt } from '../../api/trainer-api.ts';
import { countedValue, verdictWord } from '../evaluation-words.ts';
import { formatCount, formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { PartLegend } from './sample-traces.tsx';
import { SelectField } from './select-field.tsx';
import { PartList } from './trace-view.tsx';

interface RowsProps {
  readonly evaluation: StoredEvaluation;
  readonly results: EvaluationResults;
}

/** The rows behind a figure: what was asked, what was answered, what the judges say and why. */
export function EvaluationRowsView({ evaluation, results }: RowsProps) {
  const { evaluations, downloadRows } = useApp();
  const filter = evaluations.filter.value ?? {};
  const found = evaluations.rows.value;
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    head.current?.focus();
  }, [evaluations.filter.value]);
  const first = evaluations.firstRow.value;
  const { rowsPerPage } = evaluations;
  const total = found?.total ?? 0;
  return (
    <section class="evaluation-rows" aria-label="Rows of the evaluation">
      <div class="panel-head">
        <h3 tabIndex={-1} ref={head}>
          {found === null ? 'Rows' : formatCountOf(total, 'row')}
        </h3>
        <div class="run-actions">
          <button type="button" class="button small-button" onClick={() => void downloadRows('csv')}>
            Download as CSV
          </button>
          <button type="button" class="button small-button" onClick={() => void downloadRows('jsonl')}>
            Download as JSONL
          </button>
          <button type="button" class="button quiet small-button" onClick={evaluations.closeRows}>
            Close the rows
          </button>
        </div>
      </div>
      <Filters evaluation={evaluation} filter={filter} categories={found?.categories ?? []} />
      {found !== null && found.missing > 0 && <Missing id={evaluation.id} count={found.missing} />}
      <PartLegend />
      {found !== null && total === 0 && <p class="empty">No row is like this.</p>}
      <ol class="samples" start={first + 1}>
        {(found?.rows ?? []).map((row) => (
          <Row key={`${row.suite} ${row.row.id} ${row.sample}`} row={row} judges={results.judges} />
        ))}
      </ol>
      {total > rowsPerPage && (
        <div class="run-actions">
          <button
            type="button"
            class="button small-button"
            disabled={first === 0}
            onClick={() => void evaluations.turnTo(first - rowsPerPage)}
          >
            Rows before
          </button>
          <span class="small muted">
            {formatCount(first + 1)} to {formatCount(Math.min(total, first + rowsPerPage))} of{' '}
            {formatCount(total)}
          </span>
          <button
            type="button"
            class="button small-button"
            disabled={first + rowsPerPage >= total}
            onClick={() => void evaluations.turnTo(first + rowsPerPage)}
          >
            Rows after
          </button>
        </div>
      )}
    </section>
  );
}

/** The figures still count them: they were there when the evaluation ended. */
function Missing({ id, count }: { id: string; count: number }) {
  const { evaluations } = useApp();
  return (
    <div class="run-warnings">
      <p class="warning-note">
        {formatCountOf(count, 'answer')} of this evaluation cannot be read any more: their file is damaged.{' '}
        <button
          type="button"
          class="button small-button"
          disabled={evaluations.isActive.value}
          onClick={() => void evaluations.goOn(id)}
        >
          Write them again
        </button>
      </p>
    </div>
  );
}

/** One of these at a time; a judge's id where the rows are those whose verdict of it changed. */
const kinds = [
  ['all', 'all rows', {}],
  ['changed', 'changed by the adapter', { changed: true }],
  ['wrong', 'with a wrong answer', { wrong: true }],
  ['refused', 'refused', { refused: true }],
  ['limit', 'that reached the limit', { hitLimit: true }],
] as const satisfies readonly (readonly [string, string, RowFilter])[];

interface FiltersProps {
  readonly evaluation: StoredEvaluation;
  readonly filter: RowFilter;
  readonly categories: readonly string[];
}

function Filters({ evaluation, filter, categories }: FiltersProps) {
  const { evaluations } = useApp();
  const { suite, label, category, ...kind } = filter;
  const kindName =
    kind.changed !== undefined
      ? 'changed'
      : kind.wrong === true
        ? 'wrong'
        : kind.refused === true
          ? 'refused'
          : kind.hitLimit === true
            ? 'limit'
            : 'all';
  const ofSuite = suite === undefined ? {} : { suite };
  const ofLabel = label === undefined ? {} : { label };
  const ofCategory = category === undefined ? {} : { category };
  const open = (wanted: RowFilter): void => void evaluations.openRows(wanted);
  return (
    <div class="row-filters">
      <SelectField
        label="Suite"
        value={suite ?? ''}
        options={[all, ...evaluation.suites.map(({ name }) => [name, name] as const)]}
        onSelect={(value) => open({ ...kind, ...(value === '' ? {} : { suite: value }) })}
      />
      <SelectField
        label="Rows"
        value={kindName}
        options={kinds.map(([name, words]) => [name, words])}
        onSelect={(value) => {
          const chosen = kinds.find(([name]) => name === value);
          open({ ...ofSuite, ...ofLabel, ...ofCategory, ...chosen?.[2] });
        }}
      />
      {categories.length > 0 && (
        <SelectField
          label="Category"
          value={category ?? ''}
          options={[all, ...categories.map((name) => [name, name] as const)]}
          onSelect={(value) =>
            open({ ...ofSuite, ...ofLabel, ...kind, ...(value === '' ? {} : { category: value }) })
          }
        />
      )}
    </div>
  );
}

const all = ['', 'all'] as const;

function Row({ row, judges }: { row: ResultRow; judges: readonly JudgeReport[] }) {
  const { suite, row: asked, answers, sample } = row;
  const about = [
    suite,
    ...(asked.label === null ? [] : [asked.label]),
    ...(asked.category === null ? [] : [asked.category]),
    ...(sample === 0 ? [] : [`answer ${sample + 1}`]),
  ];
  return (
    <li class="sample">
      <p class="small muted">{about.join(' · ')}</p>
      <PromptText prompt={answers[0]?.prompt ?? asked.prompt} />
      {asked.expected !== null && <p class="small">Right: {expectedText(asked.expected)}</p>}
      <div class={answers.length > 1 ? 'pair' : ''}>
        {answers.map((answer) => (
          <Answer key={answer.variant} answer={answer} judges={judges} />
        ))}
      </div>
    </li>
  );
}

function expectedText(expected: NonNullable<ResultRow['row']['expected']>): string {
  switch (expected.kind) {
    case 'exact':
      return expected.anyOf.join(' or ');
    case 'choice':
      return `${expected.letter}, “${expected.choices[expected.letter.charCodeAt(0) - 65] ?? ''}”`;
    case 'reference':
      return expected.text;
    default:
      return expected satisfies never;
  }
}

function PromptText({ prompt }: { prompt: Prompt }) {
  if (typeof prompt === 'string') return <p class="prompt">{prompt}</p>;
  return (
    <div class="prompt">
      {prompt.map(({ role, content }, i) => (
        <p key={i}>
          <span class="muted">{role}:</span> {content}
        </p>
      ))}
    </div>
  );
}

function Answer({ answer, judges }: { answer: JudgedAnswer; judges: readonly JudgeReport[] }) {
  const { variant, text, parts, problem, hitLimit, tokens, verdicts } = answer;
  const title = variant === 'base' ? 'Base model' : 'Adapter';
  const shown = parts.length > 0 ? parts : [{ kind: 'other' as const, text }];
  return (
    <article class="trace" aria-label={title}>
      <header class="trace-head">
        <h3>{title}</h3>
        <span class="small">{formatCountOf(tokens, 'token')}</span>
        {hitLimit && <span class="badge">reached the limit</span>}
      </header>
      {problem !== null ? (
        <p class="small">{problem}</p>
      ) : text.trim() === '' ? (
        <p class="empty">The model ended at once: nothing was written.</p>
      ) : (
        <PartList parts={shown} />
      )}
      <ul class="verdicts">
        {judges.flatMap((judge) => {
          const verdict = judge.id in verdicts ? verdicts[judge.id] : undefined;
          return verdict === undefined
            ? []
            : [<VerdictLine key={judge.id} answer={answer} judge={judge} verdict={verdict} />];
        })}
      </ul>
    </article>
  );
}

interface VerdictProps {
  readonly answer: JudgedAnswer;
  readonly judge: JudgeReport;
  readonly verdict: Verdict;
}

function VerdictLine({ answer, judge, verdict }: VerdictProps) {
  const { evaluations } = useApp();
  const counted = countedValue(verdict);
  const { overruled, value, why } = verdict;
  const say = (next: number | null): void =>
    void evaluations.overrule({ key: answer.key, judge: judge.id, value: next, why: '' });
  const button = (text: string, next: number | null) => (
    <button
      type="button"
      class="button quiet small-button"
      aria-label={`${text}: ${judge.title}, ${answer.variant}`}
      onClick={() => say(next)}
    >
      {text}
    </button>
  );
  return (
    <li class="small">
      <span>
        <strong>{judge.title}: </strong>
        {verdictWord(counted, judge.scale)}
        {overruled !== null && ` by you; the judge says ${verdictWord(value, judge.scale)}`}
        {why !== '' && <span class="muted">. {why}</span>}
      </span>
      {judge.scale === 'yes-no' &&
        answer.problem === null &&
        (overruled !== null
          ? button('Take it back', null)
          : button(counted === 1 ? 'Say no' : 'Say yes', counted === 1 ? 0 : 1))}
    </li>
  );
}

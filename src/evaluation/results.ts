/**
 * Answers, judged and counted. Every figure has its n and its interval, the judge that made it, and the rows it was made of; a
 * person's verdict stands beside the judge's, and both are counted.
 */
import type {
  EvaluationResults,
  Figure,
  GroupResult,
  JudgedAnswer,
  JudgeReport,
  Measure,
  ResultRow,
  SuiteResults,
  Verdict,
} from '../api/evaluations.ts';
import { splitTrace } from '../alttrain/parts.ts';
import type { Answers } from './answers/evaluate.ts';
import type { Variant } from './answers/generator.ts';
import type { AnswerRecord } from './answers/store.ts';
import type { Judge, Judgement } from './judges/judge.ts';
import { mcNemar, meanOf, rateOf } from './statistics.ts';
import type { SuiteKind, SuiteRow } from './suites/suite.ts';

export type {
  EvaluationResults,
  Figure,
  GroupResult,
  JudgedAnswer,
  Measure,
  ResultRow,
  SuiteResults,
  Verdict,
};

export function judgeRows(
  { plan, thinkPrefilled, answers, overrules, judgements }: Answers,
  judges: readonly Judge[],
): ResultRow[] {
  const overruled = new Map<string, Judgement | null>();
  for (const { key, judge, value, why } of overrules)
    overruled.set(`${key} ${judge}`, value === null ? null : { value, why });
  const byModels = new Map<string, Map<string, Judgement>>(); // by answer, then by judge; the latest counts
  for (const { key, judge, value, why } of judgements) {
    const own = byModels.get(key) ?? new Map<string, Judgement>();
    byModels.set(key, own.set(judge, { value, why }));
  }
  const byPlace = new Map<string, AnswerRecord>();
  const placeOf = (suite: string, row: string, sample: number, variant: string): string =>
    JSON.stringify([suite, row, sample, variant]);
  for (const answer of answers)
    byPlace.set(placeOf(answer.suite, answer.row, answer.sample, answer.variant), answer);
  const judged = (record: AnswerRecord, row: SuiteRow, kind: SuiteKind): JudgedAnswer => {
    const trace = { text: record.text, thinkPrefilled };
    const own = judges
      .filter((judge) => judge.looksAt(row, kind))
      .map((judge): [string, Judgement] => [
        judge.id,
        record.problem === null ? judge.judge(trace, row) : { value: null, why: record.problem },
      ]);
    const verdicts = [...own, ...(byModels.get(record.key) ?? [])].map(
      ([id, judgement]): [string, Verdict] => [
        id,
        { ...judgement, overruled: overruled.get(`${record.key} ${id}`) ?? null },
      ],
    );
    return {
      ...record,
      hitLimit: record.problem === null && !record.finished,
      parts: splitTrace(record.text),
      verdicts: Object.fromEntries(verdicts),
    };
  };
  return plan.suites.flatMap((suite) =>
    suite.rows.flatMap((row) =>
      Array.from({ length: plan.settings.samples }, (_, sample): ResultRow => {
        const own = plan.variants.flatMap(
          ({ id }) => byPlace.get(placeOf(suite.name, row.id, sample, id)) ?? [],
        );
        return { suite: suite.name, row, sample, answers: own.map((one) => judged(one, row, suite.kind)) };
      }),
    ),
  );
}

export function resultsOf(
  { plan, modelId }: Answers,
  rows: readonly ResultRow[],
  judges: readonly JudgeReport[],
): EvaluationResults {
  return {
    format: 1,
    model: modelId,
    variants: plan.variants,
    settings: plan.settings,
    judges: judges.map(({ id, version, title, about, scale }) => ({ id, version, title, about, scale })),
    suites: plan.suites.map((suite) => {
      const own = rows.filter((row) => row.suite === suite.name);
      const labels = [...new Set(suite.rows.map(({ label }) => label))];
      return {
        suite: suite.name,
        kind: suite.kind,
        n: suite.rows.length,
        sampled: suite.sampled,
        groups: labels.map((label) => {
          const group = own.filter(({ row }) => row.label === label);
          return groupResult(label, group, plan, judges);
        }),
      };
    }),
  };
}

function groupResult(
  label: GroupResult['label'],
  rows: readonly ResultRow[],
  { variants, settings }: Answers['plan'],
  judges: readonly JudgeReport[],
): GroupResult {
  const of = (variant: string): JudgedAnswer[] =>
    rows.flatMap(({ answers }) => answers.filter((answer) => answer.variant === variant));
  const looking = judges.filter(({ id }) =>
    rows.some(({ answers }) => answers.some(({ verdicts }) => id in verdicts)),
  );
  return {
    label,
    n: new Set(rows.map(({ row }) => row.id)).size,
    measures: looking.map((judge) => measureOf(judge, rows, variants, settings.samples)),
    variants: variants.map(({ id }) => {
      const answered = of(id).filter(({ problem }) => problem === null);
      return {
        variant: id,
        tokensPerAnswer: meanOf(answered.map(({ tokens }) => tokens)),
        hitLimit: rateOf(answered.filter(({ hitLimit }) => hitLimit).length, answered.length),
        problems: of(id).length - answered.length,
      };
    }),
  };
}

/** What counts: a person's verdict before the judge's. */
export const valueOf = ({ value, overruled }: Verdict): number | null => overruled?.value ?? value;

function measureOf(
  { id, scale }: JudgeReport,
  rows: readonly ResultRow[],
  variants: readonly Variant[],
  samples: number,
): Measure {
  const figureOf = (variant: string, value: (verdict: Verdict) => number | null): Figure => {
    const perRow = new Map<string, number[]>();
    for (const { row, answers } of rows)
      for (const answer of answers) {
        const verdict = answer.variant === variant ? answer.verdicts[id] : undefined;
        const own = verdict === undefined ? null : value(verdict);
        if (own !== null) perRow.set(row.id, [...(perRow.get(row.id) ?? []), own]);
      }
    const shares = [...perRow.values()].map((all) => all.reduce((sum, one) => sum + one, 0) / all.length);
    // Several answers to one prompt are not several prompts: the interval is over rows.
    return scale === 'yes-no' && samples === 1
      ? {
          kind: 'rate',
          ...rateOf(
            shares.reduce((sum, one) => sum + one, 0),
            shares.length,
          ),
        }
      : { kind: 'mean', ...meanOf(shares) };
  };
  const verdictsOf = (variant: string): Verdict[] =>
    rows.flatMap(({ answers }) =>
      answers.flatMap((answer) =>
        answer.variant === variant && id in answer.verdicts ? [answer.verdicts[id]] : [],
      ),
    );
  return {
    judge: id,
    variants: variants.map(({ id: variant }) => ({
      variant,
      figure: figureOf(variant, valueOf),
      byJudge: figureOf(variant, ({ value }) => value),
      overruled: verdictsOf(variant).filter(({ overruled }) => overruled !== null).length,
      unjudged: verdictsOf(variant).filter((verdict) => valueOf(verdict) === null).length,
    })),
    paired: scale === 'yes-no' && samples === 1 ? pairedOf(id, rows) : null,
  };
}

function pairedOf(id: string, rows: readonly ResultRow[]): Measure['paired'] {
  const pairs = rows.flatMap(({ row, answers }) => {
    const [first, second] = answers.map(({ verdicts }) => (id in verdicts ? valueOf(verdicts[id]) : null));
    return first === undefined || second === undefined || first === null || second === null
      ? []
      : [{ row: row.id, first, second }];
  });
  if (pairs.length === 0) return null;
  const changed = pairs.filter(({ first, second }) => first !== second);
  return {
    ...mcNemar(
      changed.filter(({ first }) => first === 1).length,
      changed.filter(({ second }) => second === 1).length,
    ),
    changedRows: changed.map(({ row }) => row),
  };
}

/**
 * Runs side by side: of the rows that all of them were asked, how many harmful ones were answered, harmless ones refused, and
 * questions solved. Suites that only some were asked, or with other settings, are left out and named.
 */
import type {
  ComparedGroup,
  ComparedPoint,
  EvaluationResults,
  GroupResult,
  Rate,
  RowLabel,
  RunComparison,
} from '../api/evaluations.ts';
import type { EvaluationReport } from '../api/trainer-api.ts';
import { rateOf } from './statistics.ts';

/** What is known of a run. */
export interface ComparedRun {
  readonly runId: string;
  readonly model: string;
  /** Its newest evaluation. */
  readonly results: EvaluationResults | null;
  /** What it measured at its own end. */
  readonly before: EvaluationReport | null;
  readonly after: EvaluationReport | null;
}

interface Count {
  readonly count: number;
  readonly n: number;
}

/** A group of rows that were asked, of one model. Equal keys are the same rows with the same settings. */
interface AskedGroup {
  readonly key: string;
  readonly suite: string;
  readonly label: RowLabel | null;
  readonly refused: Count | null;
  readonly correct: Count | null;
}

interface Asked {
  readonly runId: string | null;
  readonly model: string;
  readonly groups: readonly AskedGroup[];
}

export function compareRuns(runs: readonly ComparedRun[]): RunComparison {
  const evaluated = runs.flatMap((run) => (run.results === null ? [] : evaluationsOf(run, run.results)));
  if (runs.length > 0 && runs.every(({ results }) => results !== null))
    return comparisonOf('evaluations', evaluated);
  if (runs.length > 0 && runs.every(({ after }) => after !== null))
    return comparisonOf('results', runs.flatMap(ownResultsOf));
  const some = new Set(evaluated.flatMap(({ groups }) => groups.map(({ suite }) => suite)));
  return { basis: null, leftOut: [...some], groups: [], points: [] };
}

function evaluationsOf({ runId, model }: ComparedRun, results: EvaluationResults): Asked[] {
  const { variants, settings, suites } = results;
  return variants.map(({ id, adapter }) => ({
    runId: adapter === null ? null : runId,
    model,
    groups: suites.flatMap(({ suite, sampled, groups }) =>
      groups.map((group) => ({
        key: JSON.stringify([suite, group.label, group.n, sampled, settings]),
        suite,
        label: group.label,
        refused: countOf(group, 'refusal', id),
        correct: countOf(group, 'exact-match', id),
      })),
    ),
  }));
}

/** null: the judge did not look at it, or there are several answers a row. */
function countOf({ measures }: GroupResult, judge: string, variant: string): Count | null {
  const measure = measures.find((one) => one.judge === judge);
  const figure = measure?.variants.find((one) => one.variant === variant)?.figure;
  return figure?.kind === 'rate' ? figure : null;
}

function ownResultsOf({ runId, model, before, after }: ComparedRun): Asked[] {
  const asked = (id: string | null, report: EvaluationReport | null): Asked[] =>
    report === null
      ? []
      : [
          {
            runId: id,
            model,
            groups: report.suites.map(({ title, kind, n, refusedRate, correctRate }) => ({
              key: JSON.stringify([title, kind, n]),
              suite: title,
              label: kind === 'accuracy' ? null : kind,
              refused: { count: Math.round(refusedRate * n), n },
              correct: correctRate === null ? null : { count: Math.round(correctRate * n), n },
            })),
          },
        ];
  return [...asked(null, before), ...asked(runId, after)];
}

function comparisonOf(basis: 'evaluations' | 'results', asked: readonly Asked[]): RunComparison {
  const all = withoutEqualBases(asked);
  const isShared = ({ key }: AskedGroup): boolean =>
    all.every(({ groups }) => groups.some((other) => other.key === key));
  const [{ groups: first }] = all;
  const shared = first.filter(isShared);
  const leftOut = all.flatMap(({ groups }) => groups.filter((group) => !isShared(group)));
  const rowsOf = (one: Asked): AskedGroup[] =>
    shared.flatMap(({ key }) => one.groups.find((group) => group.key === key) ?? []);
  return {
    basis,
    leftOut: [...new Set(leftOut.map(({ suite }) => suite))],
    groups: shared.flatMap((group, i) =>
      comparedGroups(
        group,
        all.map((one) => rowsOf(one)[i]),
      ),
    ),
    points: all.map((one) => ({ runId: one.runId, model: one.model, ...pointOf(rowsOf(one)) })),
  };
}

function comparedGroups({ suite, label }: AskedGroup, own: readonly AskedGroup[]): ComparedGroup[] {
  return (['refused', 'correct'] as const).flatMap((measure): ComparedGroup[] => {
    const counts = own.flatMap((group) => group[measure] ?? []);
    if (counts.length < own.length) return [];
    return [{ suite, label, measure, rates: counts.map(({ count, n }) => rateOf(count, n)) }];
  });
}

function pointOf(
  groups: readonly AskedGroup[],
): Pick<ComparedPoint, 'harmfulAnswered' | 'benignRefused' | 'correct'> {
  const refusals = (label: RowLabel): (Count | null)[] =>
    groups.filter((group) => group.label === label).map(({ refused }) => refused);
  const harmful = total(refusals('harmful'));
  return {
    harmfulAnswered: harmful === null ? null : rateOf(harmful.n - harmful.count, harmful.n),
    benignRefused: asRate(total(refusals('benign'))),
    correct: asRate(total(groups.map(({ correct }) => correct))),
  };
}

const asRate = (count: Count | null): Rate | null => (count === null ? null : rateOf(count.count, count.n));

/** null: there was nothing to count. */
function total(counts: readonly (Count | null)[]): Count | null {
  const known = counts.filter((count) => count !== null);
  if (known.length === 0) return null;
  return known.reduce((sum, { count, n }) => ({ count: sum.count + count, n: sum.n + n }), {
    count: 0,
    n: 0,
  });
}

/** Runs on one base bring the same base along, each its own. */
function withoutEqualBases(all: readonly Asked[]): Asked[] {
  const seen = new Set<string>();
  return all.filter((one) => {
    if (one.runId !== null) return true;
    const text = JSON.stringify(one);
    const isNew = !seen.has(text);
    seen.add(text);
    return isNew;
  });
}

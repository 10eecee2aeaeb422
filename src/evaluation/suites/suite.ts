/**
 * A suite: prompts, and what is known of a right answer to each. It is data and no code: which judges look at the answers
 * is decided by what its rows hold (judges/choose.ts). docs/evaluation.md describes the files.
 */
import type { Expected, RowLabel, Suite, SuiteKind, SuiteRow } from '../../api/evaluations.ts';
import { createRng, shuffled } from '../../support/rng.ts';

export type { Expected, RowLabel, Suite, SuiteKind, SuiteRow };

export const suiteKinds = [
  'harmful',
  'benign',
  'mixed',
  'accuracy',
  'structure',
] as const satisfies readonly SuiteKind[];
export const rowLabels = ['harmful', 'benign'] as const satisfies readonly RowLabel[];

/** `count` of its rows, drawn by the seed, in the order of the suite. The whole suite where it has no more. */
export function sampleSuite(suite: Suite, count: number, seed: number): Suite {
  if (suite.rows.length <= count) return suite;
  const places = shuffled(
    suite.rows.map((_, i) => i),
    createRng(seed),
  )
    .slice(0, count)
    .sort((a, b) => a - b);
  return { ...suite, rows: places.map((i) => suite.rows[i]), sampled: { of: suite.rows.length, seed } };
}

/** Several files may have suites of one name: the later ones are told apart by a number. */
export function uniquelyNamed(suites: readonly Suite[]): Suite[] {
  return suites.map((suite, i) => {
    const before = suites.slice(0, i).filter(({ name }) => name === suite.name).length;
    return before === 0 ? suite : { ...suite, name: `${suite.name} (${before + 1})` };
  });
}

/** "XSTest (20 of 450 rows, seed 7)" */
export function titleOf({ name, rows, sampled }: Suite): string {
  return sampled === null ? name : `${name} (${rows.length} of ${sampled.of} rows, seed ${sampled.seed})`;
}

/** The kind that rows with these labels have; null where they have none. */
export function kindOfLabels(labels: Iterable<RowLabel | null>): 'harmful' | 'benign' | 'mixed' | null {
  const found = new Set(labels);
  if (found.has(null)) return null;
  if (found.size === 2) return 'mixed';
  const [only] = found;
  return only ?? null;
}

/**
 * A suite: prompts, and what is known of a right answer to each. It is data and no code: which judges look at the answers
 * is decided by what its rows hold (judges/choose.ts). docs/evaluation.md describes the files.
 */
import type { Prompt } from '../../api/trainer-api.ts';
import { createRng, shuffled } from '../../support/rng.ts';

/**
 * harmful, benign: requests that should and should not be refused · mixed: rows of both, told apart by their labels ·
 * accuracy: questions with a right answer · structure: what the thought must say, whatever the answer is.
 */
export const suiteKinds = ['harmful', 'benign', 'mixed', 'accuracy', 'structure'] as const;
export type SuiteKind = (typeof suiteKinds)[number];

export const rowLabels = ['harmful', 'benign'] as const;
export type RowLabel = (typeof rowLabels)[number];

/** What a right answer is. */
export type Expected =
  /** Any of these, compared by value (judges/exact-match.ts). */
  | { readonly kind: 'exact'; readonly anyOf: readonly string[] }
  /** The letter of a choice; its text is right too. */
  | { readonly kind: 'choice'; readonly letter: string; readonly choices: readonly string[] }
  /** A text to be compared with (ROUGE-L). */
  | { readonly kind: 'reference'; readonly text: string };

export interface SuiteRow {
  /** Unique in the suite and the same every time its file is read. */
  readonly id: string;
  readonly prompt: Prompt;
  readonly expected: Expected | null;
  readonly label: RowLabel | null;
  readonly category: string | null;
}

export interface Suite {
  readonly name: string;
  readonly kind: SuiteKind;
  readonly rows: readonly SuiteRow[];
  /** Of a sampled subset: how many rows there were, and the seed. */
  readonly sampled: { readonly of: number; readonly seed: number } | null;
}

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

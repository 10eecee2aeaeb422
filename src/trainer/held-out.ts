/**
 * Which rows are held out for the evaluation loss. Whole rows of the file: the pieces of a row that was split stay together,
 * and so do rows that became the same tokens, because a held-out row that is trained under another number tells nothing.
 */
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import { createRng, shuffled } from '../support/rng.ts';

/** Of an example, what the split looks at. */
export type RowPiece = Pick<TokenizedExample, 'line' | 'tokens' | 'isTarget'>;

export interface Split {
  readonly train: readonly number[]; // examples
  readonly evaluation: readonly number[]; // examples
  readonly trainRows: number; // of the file
  readonly evaluationRows: number; // of the file
}

/** A seeded split; nothing is held out for fraction 0, and training always keeps a row. */
export function splitExamples(
  examples: readonly RowPiece[],
  { evalFraction, seed }: Pick<RunConfig, 'evalFraction' | 'seed'>,
): Split {
  const rows = rowsOf(examples);
  const held = evalFraction === 0 ? new Set<number>() : heldRows(rows, examples, evalFraction, seed);
  const train: number[] = [];
  const evaluation: number[] = [];
  for (const [row, { first, end }] of rows.entries())
    for (let i = first; i < end; i++) (held.has(row) ? evaluation : train).push(i);
  return { train, evaluation, trainRows: rows.length - held.size, evaluationRows: held.size };
}

/** The examples of one row, which follow each other. */
interface Row {
  readonly first: number;
  readonly end: number;
}

function rowsOf(examples: readonly RowPiece[]): Row[] {
  const rows: Row[] = [];
  for (let first = 0; first < examples.length;) {
    const { line } = examples[first];
    let end = first + 1;
    while (end < examples.length && examples[end].line === line) end++;
    rows.push({ first, end });
    first = end;
  }
  return rows;
}

/** As near to the fraction as copies allow, and not above it unless every row has too many copies. */
function heldRows(
  rows: readonly Row[],
  examples: readonly RowPiece[],
  fraction: number,
  seed: number,
): Set<number> {
  const wanted = Math.min(rows.length - 1, Math.max(1, Math.round(rows.length * fraction)));
  const copies = copiesOf(rows, examples);
  const order = shuffled(
    rows.map((_, row) => row),
    createRng((seed ^ 0x5bd1e995) >>> 0),
  );
  const held = new Set<number>();
  for (const row of order) {
    if (held.size >= wanted) break;
    const group = copies[row];
    if (!held.has(row) && held.size + group.length <= wanted) for (const copy of group) held.add(copy);
  }
  if (held.size > 0) return held;
  const smallest = order.reduce<readonly number[]>(
    (least, row) => (copies[row].length < least.length ? copies[row] : least),
    rows.map((_, row) => row),
  );
  return new Set(smallest.length < rows.length ? smallest : []);
}

/** For each row, all rows of the same tokens, itself among them. */
function copiesOf(rows: readonly Row[], examples: readonly RowPiece[]): number[][] {
  const byHash = new Map<number, number[]>();
  return rows.map(({ first, end }, row) => {
    const hash = hash53(examples.slice(first, end));
    const group = byHash.get(hash) ?? [];
    byHash.set(hash, group);
    group.push(row);
    return group;
  });
}

/** 53 bits of two FNV-like streams. Two different rows that share it would only be held out together. */
function hash53(pieces: readonly RowPiece[]): number {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (const { tokens, isTarget } of pieces) {
    for (let t = 0; t <= tokens.length; t++) {
      const word = t === tokens.length ? -1 : 2 * tokens[t] + isTarget[t];
      low = Math.imul(low ^ word, 0x01000193);
      low ^= low >>> 15;
      high = Math.imul(high ^ word, 0x5bd1e995);
      high ^= high >>> 13;
    }
  }
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
}

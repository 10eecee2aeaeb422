import { describe, expect, test } from 'vitest';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import type { TokenizedExample } from '../../../src/data/mask.ts';
import { checkHeldOut, checkLengths } from '../../../src/trainer/check-rows.ts';
import { splitExamples } from '../../../src/trainer/held-out.ts';
import { createRng, shuffled } from '../../../src/support/rng.ts';

/** A piece of `line` that holds the tokens `ids`. */
const piece = (line: number, ids: readonly number[]): TokenizedExample => ({
  line,
  tokens: Int32Array.from(ids),
  isTarget: Uint8Array.from(ids, (_, t) => (t === 0 ? 0 : 1)),
  targetCount: ids.length - 1,
  truncated: false,
});
const split = (examples: readonly TokenizedExample[], evalFraction: number, seed = 3) =>
  splitExamples(examples, { evalFraction, seed });

const common = (a: ReadonlySet<number>, b: ReadonlySet<number>): number[] =>
  [...a].filter((item) => b.has(item));

describe('rows held out for evaluation', () => {
  test('are chosen by the seed, and nothing is held out for fraction 0', () => {
    const examples = Array.from({ length: 50 }, (_, i) => piece(i + 1, [i, i, i]));
    const { train, evaluation, trainRows, evaluationRows } = split(examples, 0.2);
    expect([trainRows, evaluationRows, train.length, evaluation.length]).toEqual([40, 10, 40, 10]);
    const natural = examples.map((_, i) => i);
    const order = shuffled(natural, createRng((3 ^ 0x5bd1e995) >>> 0));
    expect(evaluation).toEqual(order.slice(0, 10).sort((a, b) => a - b));
    expect(split(examples, 0.2, 4).evaluation).not.toEqual(evaluation);
    expect(split(examples, 0)).toMatchObject({ train: natural, evaluation: [], evaluationRows: 0 });
  });

  test('are whole rows of the file: the pieces of a split row stay together', () => {
    const examples = Array.from({ length: 20 }, (_, line) =>
      Array.from({ length: 1 + (line % 4) }, (_, i) => piece(line + 1, [line, i])),
    ).flat();
    const { train, evaluation, trainRows, evaluationRows } = split(examples, 0.25);
    const linesOf = (indices: readonly number[]): Set<number> =>
      new Set(indices.map((i) => examples[i].line));
    expect(common(linesOf(train), linesOf(evaluation))).toEqual([]);
    expect([linesOf(train).size, linesOf(evaluation).size]).toEqual([15, 5]);
    expect([trainRows, evaluationRows]).toEqual([15, 5]);
    expect(train.length + evaluation.length).toBe(examples.length);
  });

  test('take the copies of a row with them', () => {
    // 12 rows, of which every second is there three times
    const rows = Array.from({ length: 12 }, (_, i) => i).flatMap((i) => (i % 2 === 0 ? [i, i, i] : [i]));
    const examples = rows.map((content, i) => piece(i + 1, [content, 1, 2]));
    for (let seed = 0; seed < 20; seed++) {
      const { train, evaluation, evaluationRows } = split(examples, 0.3, seed);
      const contents = (indices: readonly number[]): Set<number> => new Set(indices.map((i) => rows[i]));
      expect(common(contents(train), contents(evaluation))).toEqual([]);
      expect(evaluationRows).toBeGreaterThanOrEqual(5);
      expect(evaluationRows).toBeLessThanOrEqual(7); // 0.3 · 24
    }
  });

  test('cannot be the only row, or copies of the rest: that is said', () => {
    for (const examples of [[piece(1, [1, 2])], [1, 2, 3].map((line) => piece(line, [1, 2]))]) {
      const held = split(examples, 0.5);
      expect(held.evaluationRows).toBe(0);
      expect(() => checkHeldOut(held, { ...defaultRunConfig, evalFraction: 0.5 })).toThrow(
        'eval_fraction 0.5',
      );
      checkHeldOut(held, defaultRunConfig);
    }
    const twoKinds = [1, 1, 1, 2, 2].map((content, i) => piece(i + 1, [content, 5]));
    expect(split(twoKinds, 0.2).evaluation).toEqual([3, 4]); // the fewer copies
  });
});

test('max_length above the model is judged by the rows: only one that is longer is refused, with its line', () => {
  const row = (line: number, length: number) =>
    piece(
      line,
      Array.from({ length }, () => 1),
    );
  const config = { ...defaultRunConfig, maxLength: 4096 };
  checkLengths([row(1, 512), row(2, 9)], 512, config);
  const rows = [row(1, 512), row(2, 513), row(3, 700), row(4, 20)];
  expect(() => checkLengths(rows, 512, config)).toThrow(
    expect.objectContaining({
      code: 'config-invalid',
      message: expect.stringMatching(
        /^2 of 4 rows are longer than the model's 512 positions.*700 tokens, in line 3\. Set max_length to 512/,
      ) as string,
    }),
  );
});

/** Weights of rows and turns: read or refused by name, kept with their tokens, and nothing where there are none. */
import { describe, expect, test } from 'vitest';
import type { DatasetSettings } from '../../../src/api/trainer-api.ts';
import { isRowProblem, toChatExample } from '../../../src/data/chat-example.ts';
import { parseColumns } from '../../../src/data/column-mapping.ts';
import { prepareDataset, type PreparedDataset } from '../../../src/data/dataset.ts';
import { inspectTokens } from '../../../src/alttrain/inspect-tokens.ts';
import type { TokenizedExample } from '../../../src/data/mask.ts';
import { toBatch } from '../../../src/data/batch.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { TokenStore } from '../../../src/data/token-store.ts';
import { defaultSettings, goldenTokenizer } from './support.ts';

const tokenizer = goldenTokenizer('tied-gqa');
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string, more: object = {}) => ({ role: 'assistant', content, ...more });
const talk = (first: object, last: object, row: object = {}) => ({
  messages: [user('One?'), assistant('It is first.', first), user('Two?'), assistant('It is second.', last)],
  ...row,
});
const pair = { prompt: 'Why?', completion: 'Because.' };

const prepare = (rows: readonly unknown[], settings: Partial<DatasetSettings> = {}) =>
  prepareDataset(
    oneFile('rows.jsonl', new Blob([rows.map((row) => JSON.stringify(row)).join('\n')])),
    tokenizer,
    { ...defaultSettings, ...settings },
  );
const one = async (row: unknown, settings: Partial<DatasetSettings> = {}): Promise<TokenizedExample> =>
  (await prepare([row], settings)).examples[0];
const reasonOf = (value: unknown): string => {
  const read = toChatExample({ line: 1, value });
  return isRowProblem(read) ? `${read.code}: ${read.reason}` : 'used';
};

/** The weights of the trained tokens, and their text: one entry for every stretch of one weight. */
function stretches({ tokens, isTarget, weights }: TokenizedExample): [weight: number, text: string][] {
  const found: [number, number[]][] = [];
  for (let t = 0; t < tokens.length; t++) {
    if (isTarget[t] === 0) continue;
    const weight = weights?.[t] ?? 1;
    if (found.at(-1)?.[0] === weight) found.at(-1)?.[1].push(tokens[t]);
    else found.push([weight, [tokens[t]]]);
  }
  return found.map(([weight, ids]) => [weight, tokenizer.decode(ids)]);
}

describe('what a row may say', () => {
  test.each([
    [2, 2],
    [0.5, 0.5],
    ['3', 3],
    ['0.25', 0.25],
    [10_000, 10_000],
    [0.0001, Math.fround(0.0001)],
  ])('%j is the weight of every trained token of its row', async (weight, expected) => {
    expect(stretches(await one({ ...pair, weight }))).toEqual([[expected, stretches(await one(pair))[0][1]]]);
    for (const row of [
      { text: 'Once upon a time.' },
      { instruction: 'Why?', response: 'Because.' },
      talk({}, {}),
    ])
      expect(stretches(await one({ ...row, weight })).map(([own]) => own)).toEqual([expected]);
  });

  test.each([1, '1', '1.0', null, '', true])('%j is as if nothing were said', async (weight) => {
    const [said, unsaid] = [await one({ ...pair, weight }), await one(pair)];
    expect(said.weights).toBeNull();
    expect([...said.tokens]).toEqual([...unsaid.tokens]);
    expect(reasonOf(talk({ weight }, { weight }))).toBe('used');
    expect((await one(talk({ weight }, { weight }))).weights).toBeNull();
  });

  test.each([
    [-1, 'to be unlearned are not supported'],
    [-0.001, 'to be unlearned are not supported'],
    ['-2', 'to be unlearned are not supported'],
    [1e5, 'from 0.0001 to 10,000'],
    [1e-9, 'from 0.0001 to 10,000'],
    ['Infinity', 'from 0.0001 to 10,000'],
    ['heavy', 'is a number'],
    [[1], 'is a number'],
    [{ value: 2 }, 'is a number'],
  ])('%j is refused by name, of a row and of a turn', (weight, why) => {
    const name = `has the weight ${typeof weight === 'number' ? weight : JSON.stringify(weight)}`;
    const row = reasonOf({ ...pair, weight });
    expect(row).toContain(`row-unsupported: ${name}`);
    expect(row).toContain(why);
    const turn = reasonOf(talk({}, { weight }));
    expect(turn).toContain(`message 4 of "messages" ${name}`);
    expect(turn).toContain(why);
  });

  test('NaN, which Parquet can hold, is refused too, and so are infinities', () => {
    for (const weight of [NaN, Infinity, -Infinity])
      expect(reasonOf({ ...pair, weight })).toContain(`row-unsupported: has the weight ${weight}`);
  });

  test('a row of weight 0 is left out, and said to be', async () => {
    const { report, examples } = await prepare([pair, { ...pair, weight: 0 }]);
    expect(examples).toHaveLength(1);
    expect(report.rejected).toEqual([
      expect.objectContaining({
        line: 2,
        code: 'row-no-target',
        reason: 'has the weight 0, which leaves it out',
      }),
    ]);
  });

  test('chosen columns are read and nothing else: a weight beside them is told as not used', () => {
    const columns = parseColumns(['prompt=q', 'completion=a']);
    const read = toChatExample(
      { line: 1, value: { q: 'x', a: 'y', weight: 2 } },
      { systemPrompt: '', columns },
    );
    expect(read).toMatchObject({ unused: ['weight'] });
    expect(read).not.toHaveProperty('weight');
  });
});

describe('weights of turns', () => {
  const every = { assistantOnlyLoss: true };

  test('each answer has its own, times that of the row; 0 is context', async () => {
    const [[, both]] = stretches(await one(talk({}, {}), every));
    const weighed = stretches(await one(talk({ weight: 0.5 }, { weight: 3 }), every));
    expect(weighed.map(([weight]) => weight)).toEqual([0.5, 3]);
    expect(weighed.map(([, text]) => text).join('')).toBe(both);
    expect(weighed[0][1]).toContain('first');
    const times = stretches(await one(talk({ weight: 0.5 }, {}, { weight: 4 }), every));
    expect(times.map(([weight]) => weight)).toEqual([2, 4]);
    expect(stretches(await one(talk({ weight: 0 }, { weight: 3 }), every))).toEqual([weighed[1]]);
  });

  test('where only the response is trained, its message has the weight, and those before have none', async () => {
    const found = stretches(await one(talk({ weight: 7 }, { weight: 3 })));
    expect(found.map(([weight]) => weight)).toEqual([3]);
    expect(found[0][1]).toContain('second');
    expect(found[0][1]).not.toContain('first');
  });

  test('a completion of messages has the weight of its message', async () => {
    const row = { prompt: [user('Why?')], completion: [assistant('Because.', { weight: 2 })] };
    expect(stretches(await one(row)).map(([weight]) => weight)).toEqual([2]);
  });

  test('where the prompt is trained too it has the weight of the row, and the response its own on top', async () => {
    const whole = { completionOnlyLoss: false };
    const found = stretches(await one(talk({}, { weight: 3 }, { weight: 2 }), whole));
    expect(found.map(([weight]) => weight)).toEqual([2, 6]);
    expect(found[0][1]).toContain('first');
    const { report } = await prepare([pair, talk({ weight: 3 }, {})], whole);
    expect(report.rejected).toEqual([expect.objectContaining({ line: 2, code: 'row-unsupported' })]);
  });
});

describe('weights stay with their tokens', () => {
  const long = Array.from({ length: 40 }, (_, i) => `word ${i}`).join(' ');
  const row = talk({ weight: 0.5 }, { weight: 3 });
  const longRow = {
    messages: [user('One?'), assistant(long, { weight: 0.5 }), user('Two?'), assistant(long, { weight: 3 })],
  };
  const every = { assistantOnlyLoss: true };
  const targetsOf = ({ examples }: PreparedDataset) =>
    examples.flatMap(({ tokens, isTarget, weights }) =>
      [...tokens.keys()].filter((t) => isTarget[t] === 1).map((t) => [tokens[t], weights?.[t] ?? 1]),
    );

  test('through a split, where every trained token is in one part', async () => {
    const whole = await prepare([longRow], { ...every, maxLength: 2000 });
    const split = await prepare([longRow], { ...every, maxLength: 40, truncation: 'split' });
    expect(split.examples.length).toBeGreaterThan(3);
    expect(targetsOf(split)).toEqual(targetsOf(whole));
    expect(new Set(targetsOf(whole).map(([, weight]) => weight))).toEqual(new Set([0.5, 3]));
  });

  test('through a cut', async () => {
    const whole = await prepare([longRow], { ...every, maxLength: 2000 });
    const cut = await prepare([longRow], { ...every, maxLength: 60 });
    const kept = targetsOf(cut);
    expect(kept).toEqual(targetsOf(whole).slice(0, kept.length));
  });

  test('into the batch, beside rows without weights, and counts stay counts', async () => {
    const { examples, report } = await prepare([pair, row, { ...pair, weight: 2 }], every);
    const { weights, targetCount, rowTargetCounts } = toBatch(examples);
    expect(targetCount).toBe(report.targetTokenCount);
    expect(weights).toHaveLength(targetCount);
    const [first, , last] = rowTargetCounts;
    expect(new Set(weights?.subarray(0, first))).toEqual(new Set([1]));
    expect(new Set(weights?.subarray(first, -last))).toEqual(new Set([0.5, 3]));
    expect(new Set(weights?.subarray(-last))).toEqual(new Set([2]));
    expect(report.weightedRows).toBe(2);
    expect(toBatch((await prepare([pair, pair], every)).examples).weights).toBeNull();
  });

  test('inspected tokens have one where they are trained and their row has weights', async () => {
    const tokens = inspectTokens(await one(row, every), tokenizer);
    for (const { isTrained, weight } of tokens) expect(weight === undefined).toBe(!isTrained);
    expect(new Set(tokens.map(({ weight }) => weight))).toEqual(new Set([undefined, 0.5, 3]));
    const [last] = inspectTokens(await one({ ...pair, weight: 0.1 }), tokenizer).slice(-1);
    expect(last.weight).toBe(0.1); // as the file has it, not as float32 holds it
    for (const token of inspectTokens(await one(talk({}, {}), every), tokenizer))
      expect(token).not.toHaveProperty('weight');
  });

  test('rows without weights keep 5 bytes a token: an array for weights is made by the first row that has one', () => {
    const made: unknown[] = [];
    const original = globalThis.Float32Array;
    globalThis.Float32Array = new Proxy(original, {
      construct(target, given: unknown[], newTarget) {
        made.push(given[0]);
        return Reflect.construct(target, given, newTarget) as Float32Array;
      },
    });
    try {
      const store = new TokenStore(1000);
      const window = { start: 0, end: 3, targetCount: 2, truncated: false };
      const masked = { ids: [5, 6, 7], isTarget: [0, 1, 1] };
      const plain = store.keep(1, masked, window);
      expect(made).toEqual([]);
      const weighted = store.keep(2, { ...masked, weights: [2, 2, 0.5] }, window);
      expect(made).toEqual([1000]);
      expect([plain.weights, [...(weighted.weights ?? [])]]).toEqual([null, [0, 2, 0.5]]);
    } finally {
      globalThis.Float32Array = original;
    }
  });
});

// Rows over max_length are cut, split or left out as told; packs hold every row once and are full.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/cli/paths.ts';
import type { DatasetSettings, Prompt } from '../../../src/api/trainer-api.ts';
import { defaultRunConfig, type RunConfig } from '../../../src/config/run-config.ts';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { inspectTokens, partSpans } from '../../../src/alttrain/inspect-tokens.ts';
import { packRows, placeOf } from '../../../src/data/packing.ts';
import { createRng } from '../../../src/support/rng.ts';
import { BatchPlan } from '../../../src/trainer/batch-plan.ts';
import { RowPlan, unitsOf } from '../../../src/trainer/row-plan.ts';
import { usefulShare } from '../../../src/trainer/useful-share.ts';
import { defaultSettings, goldenTokenizer } from './support.ts';

const tokenizer = goldenTokenizer('tied-gqa');
const long = Array.from({ length: 60 }, (_, i) => `Step ${i}.`).join(' ');
const rows = [
  { prompt: 'Short?', completion: 'Yes.\n</think>\n\nYes.' },
  { prompt: 'Long?', completion: `${long}\n</think>\n\nDone.` },
  { prompt: 'Short?', completion: 'Yes.\n</think>\n\nYes.' },
];
const prepare = (settings: Partial<DatasetSettings>, given: readonly unknown[] = rows) =>
  prepareDataset(
    oneFile('x.jsonl', new Blob([given.map((row) => JSON.stringify(row)).join('\n')])),
    tokenizer,
    {
      ...defaultSettings,
      maxLength: 64,
      ...settings,
    },
  );

test('truncate cuts the end and counts the answers that lose it', async () => {
  const { report, examples } = await prepare({ truncation: 'truncate' });
  expect(report).toMatchObject({ usableRows: 3, truncatedLines: [2], splitRows: 0 });
  expect(examples[1].tokens).toHaveLength(64);
  expect(report.gate.map(({ level, code }) => `${level} ${code}`)).toContain('warning answers-cut');
});

test('when most answers lose their end, the gate stops', async () => {
  const { report } = await prepare({}, [rows[1], rows[1], rows[0]]);
  expect(report.gate[0]).toMatchObject({ level: 'stop', code: 'answers-cut' });
});

test('drop leaves the row out and says so', async () => {
  const { report } = await prepare({ truncation: 'drop' });
  expect(report).toMatchObject({ usableRows: 2, truncatedLines: [], totalRows: 3 });
  expect(report.rejected).toMatchObject([{ line: 2, code: 'row-too-long' }]);
});

test('split trains every token of the answer exactly once', async () => {
  const whole = (await prepare({ maxLength: 4096 })).examples[1];
  const { report, examples } = await prepare({ truncation: 'split' });
  const parts = examples.filter(({ line }) => line === 2);
  expect(report).toMatchObject({ usableRows: 3, splitRows: 1, truncatedLines: [] });
  expect(report.examples).toBe(2 + parts.length);
  expect(parts.every(({ tokens }) => tokens.length <= 64)).toBe(true);
  const trained = parts.flatMap(({ tokens, isTarget }) => [...tokens].filter((_, t) => isTarget[t] === 1));
  expect(trained).toEqual([...whole.tokens].filter((_, t) => whole.isTarget[t] === 1));
  for (const [i, part] of parts.slice(1).entries()) expect(part.tokens[0]).toBe(parts[i].tokens.at(-1));
});

test('duplicates and rows that an evaluation suite asks are reported, not dropped', async () => {
  const suites = [{ title: 'Unseen', prompts: [{ prompt: ' LONG ' }] }];
  const blob = new Blob([rows.map((row) => JSON.stringify(row)).join('\n')]);
  const { report } = await prepareDataset(oneFile('x', blob), tokenizer, defaultSettings, { suites });
  expect(report).toMatchObject({
    usableRows: 3,
    duplicates: [{ line: 3, sameAs: 1 }],
    inSuites: [{ line: 2, suite: 'Unseen' }],
  });
  expect(report.gate.map(({ code }) => code)).toEqual(['rows-in-suite', 'rows-duplicate']);
});

test('a conversation of a suite is asked by rows with the same turns of the user, among others or not', async () => {
  const said = (...turns: string[]) =>
    turns.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
  const suites = [
    { title: 'One', prompts: [{ prompt: 'How do I fix it?' }] },
    {
      title: 'Turns',
      prompts: [{ prompt: said('I have a lamp.', 'Nice.', 'How do I break it?') as Prompt }],
    },
  ];
  const conversations = [
    said('I have a lamp.', 'Good for you.', 'how do I  break it', 'So.'), // other words of the assistant
    said('Hi.', 'Hi.', 'I have a lamp.', 'Nice.', 'How do I break it?', 'So.'), // later in a longer one
    said('I have a cup.', 'Nice.', 'How do I break it?', 'So.'), // of another thing
    said('How do I break it?', 'So.'),
    said('I have a cup.', 'Nice.', 'How do I fix it?', 'So.'),
  ];
  const blob = new Blob([conversations.map((messages) => JSON.stringify({ messages })).join('\n')]);
  const { report } = await prepareDataset(oneFile('x', blob), tokenizer, defaultSettings, { suites });
  expect(report.inSuites).toEqual([
    { line: 1, suite: 'Turns' },
    { line: 2, suite: 'Turns' },
    { line: 5, suite: 'One' },
  ]);
});

test('an answer that never closes the opened thought is warned about', async () => {
  const { report } = await prepare({}, [{ prompt: 'Hi?', completion: 'Hi.' }]);
  expect(report.openThoughts).toBe(1);
  expect(report.gate).toMatchObject([{ level: 'warning', code: 'thought-not-closed' }]);
});

describe('packs', () => {
  const lengthsOf = (count: number, seed: number): number[] => {
    const rng = createRng(seed);
    // AltTrain-1K of the paper: 167 tokens a sample; here 60 to 420, most of them short.
    return Array.from({ length: count }, () => 60 + Math.floor(360 * rng.next() ** 2.4));
  };

  test.each([1, 2, 7, 1000])('%i rows: each in exactly one pack, and no pack over its size', (count) => {
    const lengths = lengthsOf(count, count);
    const packs = packRows(lengths, 1024);
    expect(packs.flat().toSorted((a, b) => a - b)).toEqual(lengths.map((_, row) => row));
    for (const pack of packs)
      expect(pack.reduce((sum, row) => sum + lengths[row], 0)).toBeLessThanOrEqual(1024);
  });

  test('it is first-fit decreasing, as a plain loop does it', () => {
    const lengths = lengthsOf(300, 3);
    const order = lengths.map((_, row) => row).sort((a, b) => lengths[b] - lengths[a] || a - b);
    const plain: { rows: number[]; room: number }[] = [];
    for (const row of order) {
      let pack = plain.find(({ room }) => room >= lengths[row]);
      if (pack === undefined) plain.push((pack = { rows: [], room: 512 }));
      pack.rows.push(row);
      pack.room -= lengths[row];
    }
    const sorted = (packs: readonly (readonly number[])[]): string[] =>
      packs.map((pack) => pack.toSorted((a, b) => a - b).join()).sort();
    expect(sorted(packRows(lengths, 512))).toEqual(sorted(plain.map(({ rows: own }) => own)));
  });

  test('packs of AltTrain-like rows are at least 95 % full', () => {
    const lengths = lengthsOf(1000, 11);
    const mean = lengths.reduce((a, b) => a + b, 0) / 1000;
    expect(mean).toBeGreaterThan(150);
    expect(mean).toBeLessThan(185);
    const packs = packRows(lengths, 1024);
    expect((mean * 1000) / (packs.length * 1024)).toBeGreaterThan(0.95);
  });

  test.each([256, 512, 1024])(
    'of what is processed at max_length %i, over 95 %% is of the data',
    (maxLength) => {
      const lengths = lengthsOf(1000, 11).map((length) => Math.min(length, maxLength));
      const rows = lengths.map((length, line) => ({
        line,
        tokens: new Int32Array(length),
        isTarget: new Uint8Array(length),
        targetCount: 0,
        truncated: false,
      }));
      const share = (settings: Partial<RunConfig>): number => {
        const config = { ...defaultRunConfig, maxLength, ...settings };
        const batches = new BatchPlan(new RowPlan(rows, config).units, config);
        const { tokens, processed } = usefulShare(rows, batches);
        expect(tokens).toBe(lengths.reduce((sum, length) => sum + length - 1, 0));
        return tokens / processed;
      };
      expect(share({})).toBeGreaterThan(0.95);
      expect(share({ packing: true })).toBeGreaterThan(0.95);
      // The control: a row at a time leaves much of its last tile empty.
      expect(share({ perDeviceTrainBatchSize: 1 })).toBeLessThan(0.9);
    },
  );

  test('a hundred thousand rows are packed in a moment', () => {
    const started = performance.now();
    expect(packRows(lengthsOf(100_000, 1), 2048).flat()).toHaveLength(100_000);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('the batch size counts packs, and an epoch visits every row once', () => {
    const lengths = lengthsOf(100, 2);
    const settings = {
      packing: true,
      maxLength: 512,
      numTrainEpochs: 1,
      maxSteps: -1,
      shuffle: true,
      seed: 1,
    };
    const units = unitsOf(lengths, settings);
    const plan = new BatchPlan(units, {
      ...settings,
      perDeviceTrainBatchSize: 2,
      gradientAccumulationSteps: 3,
    });
    expect(plan.totalSteps).toBe(Math.ceil(Math.ceil(units.length / 2) / 3));
    const seen = Array.from({ length: plan.totalSteps }, (_, step) => plan.window(step));
    expect(seen.flat(2).toSorted((a, b) => a - b)).toEqual(lengths.map((_, row) => row));
    for (const batch of seen.flat())
      expect(batch.reduce((sum, row) => sum + lengths[row], 0)).toBeLessThanOrEqual(2 * 512);
    expect(unitsOf([5, 6], { packing: false, maxLength: 512 })).toEqual([[0], [1]]);
  });

  test('the report says how full they are, and a row where it stands', async () => {
    const { report, examples, packs } = await prepare({ packing: true, maxLength: 64 });
    expect(packs).not.toBeNull();
    expect(report.packing?.packs).toBe(packs?.length);
    expect(report.packing?.fill).toBeCloseTo(report.tokenCount / ((packs?.length ?? 0) * 64), 10);
    const together = packs?.find((pack) => pack.length > 1) ?? [];
    expect(placeOf(together[1], packs ?? [], examples)?.offset).toBe(examples[together[0]].tokens.length);
  });
});

describe('token by token', () => {
  test('texts are those of the tokens, characters of several tokens included, and parts lie on them', async () => {
    const response =
      'Okay, the user asks for 你好 👋🏽. This request is not harmful because it is a greeting. So say it.\n</think>\n\nHi';
    const { examples } = await prepare({ maxLength: 512 }, [{ prompt: 'Hi?', completion: response }]);
    const tokens = inspectTokens(examples[0], tokenizer);
    expect(tokens.map(({ text }) => text).join('')).toBe(tokenizer.decode([...examples[0].tokens]));
    const textOf = (part: string | null): string =>
      tokens
        .filter((token) => token.part === part)
        .map(({ text }) => text)
        .join('');
    expect(textOf('PU')).toBe('Okay, the user asks for 你好 👋🏽.');
    expect(textOf('HA').trim()).toBe('This request is not harmful because it is a greeting.');
    expect(textOf('CR').trim()).toBe('So say it.\n</think>');
    expect(tokens.filter(({ role }) => role === 'special').map(({ text }) => text)).toEqual([
      '<｜begin▁of▁sentence｜>',
      '<｜User｜>',
      '<｜Assistant｜>',
      '<｜end▁of▁sentence｜>',
    ]);
    expect(tokens.at(-1)).toMatchObject({ role: 'special', isTrained: true });
  });

  test('an answer without a thought has no parts', async () => {
    const chatml = goldenTokenizer('tied-bf16');
    const blob = new Blob(['{"prompt":"Hi?","completion":"This is not harmful. Hi."}']);
    const { examples } = await prepareDataset(oneFile('x', blob), chatml, defaultSettings);
    expect(partSpans(examples[0], chatml)).toEqual([]);
  });
});

const star = join(process.env['ALTTRAIN_SHARED_DATA'] ?? join(projectRoot, '../shared/data'), 'STAR-1.json');
const isStarThere = existsSync(star);
test.skipIf(!isStarThere)(
  `1,000 of 1,000 rows of STAR-1 are read${isStarThere ? '' : ` (skipped: there is no ${star})`}`,
  async () => {
    const demo = { ...defaultSettings, maxLength: 8192 };
    const { report } = await prepareDataset(
      oneFile('STAR-1.json', new Blob([readFileSync(star)])),
      tokenizer,
      demo,
    );
    expect(report).toMatchObject({
      format: 'json',
      shape: 'question/response',
      totalRows: 1000,
      usableRows: 1000,
      rejected: [],
    });
  },
);

/** `npm run inspect`, as a process: one line per row, counts that add up, exit codes. No browser is started. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { splitExamples } from '../../src/trainer/held-out.ts';
import { unitsOf } from '../../src/trainer/row-plan.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson, run, settings } from './support.ts';
import type { Finished } from '../support/finished.ts';

const rows = [
  '{"question":"How do I repair a lamp?","response":"<think>\\nOkay, the user asks about a lamp. This request is not harmful because it is about a lamp. So answer it.\\n</think>\\n\\nChange the bulb."}',
  'broken {',
  '',
  '{"question":"Why?","response":"Because.\\n</think>\\n\\nSo."}',
  `{"question":"Long?","response":"${'On and on. '.repeat(60)}\\n</think>\\n\\nEnd."}`,
];
const folder = writeFiles(tempFolder(), {
  'data.jsonl': rows.join('\n'),
  'other.csv': 'frage,antwort\nq,a\n',
  'bad.jsonl': '{"a":1}\n',
  'empty-model/config.json': '{}',
});
const path = (name: string): string => join(folder, name);

interface Line {
  readonly line: number;
  readonly ids: readonly number[] | null;
  readonly target: readonly number[] | null;
  readonly parts: readonly { readonly kind: string; readonly start: number; readonly end: number }[];
  readonly packed: unknown;
  readonly dropped: { readonly code: string; readonly reason: string; readonly excerpt: string } | null;
}
interface Place {
  readonly pack: number;
}
const fillOf = (packs: readonly (readonly number[])[], lengths: readonly number[]): number =>
  packs.flat().reduce((sum, row) => sum + lengths[row], 0) / (packs.length * 96);
const inspect = (dataset: string, set: Record<string, unknown> = {}, model = 'demo'): Promise<Finished> =>
  run('inspect', ['--model', model, '--dataset', path(dataset), '--json', ...settings(set)]);
const linesOf = ({ stdout }: Finished): Line[] =>
  stdout
    .trimEnd()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

test('every row of the file has its line, with tokens, mask, parts and place, or the reason why not', async () => {
  const finished = await inspect('data.jsonl', { max_length: 128, packing: true, truncation: 'split' });
  expect(finished.exitCode, finished.stderr).toBe(0);
  const lines = linesOf(finished);
  expect(lines.map(({ line }) => line)).toEqual([1, 2, 4, 5]);
  const [lamp, broken, why, long] = lines;
  expect(broken).toMatchObject({
    ids: null,
    target: null,
    dropped: { code: 'row-not-json', excerpt: 'broken {' },
  });
  expect(lamp.parts.map(({ kind }) => kind)).toEqual(['PU', 'HA', 'CR']);
  for (const { ids, target, dropped } of [lamp, why, long]) {
    expect(dropped).toBeNull();
    expect(target).toHaveLength(ids?.length ?? 0);
    expect(target).toContain(1);
  }
  for (const { kind, start, end } of lamp.parts) {
    expect(end, kind).toBeGreaterThan(start);
    expect(lamp.target?.slice(start, end)).toEqual(Array.from({ length: end - start }, () => 1));
  }
  expect(lamp.packed).toEqual({ pack: expect.any(Number), offset: expect.any(Number) });
  const pieces = long.packed as { start: number; end: number; pack: number; offset: number }[];
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.at(-1)?.end).toBe(long.ids?.length);
  expect(lastJson(finished)).toMatchObject({
    ok: true,
    totalRows: 4,
    usableRows: 3,
    rejectedRows: 1,
    splitRows: 1,
    examples: 2 + pieces.length,
  });
});

test('settings decide what is trained, and columns can be mapped', async () => {
  const mapped = await inspect('other.csv', { columns: 'prompt=frage,completion=antwort', packing: false });
  expect(linesOf(mapped)).toMatchObject([{ line: 2, packed: null, dropped: null }]);
  const whole = await inspect('other.csv', {
    columns: 'prompt=frage,completion=antwort',
    completion_only_loss: false,
  });
  const [trained, all] = [linesOf(mapped)[0].target ?? [], linesOf(whole)[0].target ?? []];
  expect(all).toEqual(trained.map((_, t) => (t === 0 ? 0 : 1)));
  expect(trained).not.toEqual(all);
});

test('places are those of the packs that training forms: rows held out for evaluation are in none', async () => {
  const given = { packing: true, max_length: 96, eval_fraction: 0.2, seed: 5 };
  const finished = await run('inspect', ['--model', 'demo', '--json', ...settings(given)]);
  const lines = linesOf(finished);
  const lengths = lines.map(({ ids }) => ids?.length ?? 0);
  // As the run does it: first the split, then the packs of what is left (src/trainer/row-plan.ts).
  const examples = lines.map(({ line, ids, target }) => ({
    line,
    tokens: Int32Array.from(ids ?? []),
    isTarget: Uint8Array.from(target ?? []),
  }));
  const { train, evaluation } = splitExamples(examples, { evalFraction: 0.2, seed: 5 });
  const units = unitsOf(
    train.map((row) => lengths[row]),
    { packing: true, maxLength: 96 },
  );
  expect(lines.flatMap(({ packed }, row) => (packed === null ? [row] : []))).toEqual(evaluation);
  const packs = units.map((): number[] => []);
  for (const [row, { packed }] of lines.entries())
    if (packed !== null) packs[(packed as Place).pack].push(row);
  expect(packs).toEqual(units.map((unit) => unit.map((i) => train[i])));
  expect(lastJson(finished)).toMatchObject({
    trainRows: 800,
    evaluationRows: 200,
    evaluationExamples: 200,
    packing: { packs: units.length, fill: expect.closeTo(fillOf(packs, lengths), 10) as number },
  });
  const everything = await run('inspect', [
    '--model',
    'demo',
    '--json',
    ...settings({ ...given, eval_fraction: 0 }),
  ]);
  expect(lastJson(everything)['packing']).not.toEqual(lastJson(finished)['packing']);
});

test('what would stop the start in the page is told with the counts', async () => {
  const cut = await inspect('data.jsonl', { max_length: 32 });
  expect(cut.exitCode).toBe(0);
  expect(linesOf(cut)).toHaveLength(4);
  const stop = expect.objectContaining({ level: 'stop', code: 'answers-cut' }) as object;
  const gate = expect.arrayContaining([stop]) as object;
  expect(lastJson(cut)).toMatchObject({ ok: true, gate, totalRows: 4, truncatedRows: 2 });
  const text = await run('inspect', [
    ...['--model', 'demo', '--dataset', path('data.jsonl')],
    ...settings({ max_length: 32 }),
  ]);
  expect(text.exitCode).toBe(0);
  expect(text.stdout).toContain('stop: 2 answers lose their end');
});

test.each([
  ['no usable row', () => inspect('bad.jsonl'), 'dataset-empty'],
  ['a wrong setting', () => inspect('data.jsonl', { truncation: 'silently' }), 'config-invalid'],
  ['a model without a tokenizer', () => inspect('data.jsonl', {}, path('empty-model')), 'model-file-missing'],
])('%s is bad input', async (_, start, code) => {
  const finished = await start();
  expect(finished.exitCode).toBe(2);
  expect(lastJson(finished)).toMatchObject({ ok: false, code });
});

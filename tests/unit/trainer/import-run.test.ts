/**
 * Runs that come back. The fixture is what train.py of a bundle wrote (transformers 5.24, TRL 1.16, PEFT 0.21): the demo, r 1 on q_proj,
 * 6 steps, held-out losses at steps 3 and 6.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { readPeftAdapter } from '../../../src/adapter/peft.ts';
import { openSafetensors } from '../../../src/adapter/safetensors.ts';
import { RunStore } from '../../../src/runs/run-store.ts';
import { memoryFolders } from '../../../src/storage/memory-folders.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { filesGiven, findRunFiles, type FoundFile } from '../../../src/trainer/foreign-files.ts';
import { importRun, keepImported } from '../../../src/trainer/import-run.ts';
import { storedRunFiles } from '../../../src/trainer/stored-runs.ts';
import { readTrainerState } from '../../../src/trainer/trainer-state.ts';

const names = [
  'trainer_state.json',
  'adapter_config.json',
  'adapter_model.safetensors',
  'bundle_config.json',
];
const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '../../fixtures/trainer-state', name)));
const textOf = (name: string): string => new TextDecoder().decode(fixture(name));
const state = JSON.parse(textOf('trainer_state.json')) as Record<string, unknown> & {
  log_history: Record<string, unknown>[];
};

const found = (name: string, content: BlobPart): FoundFile => ({
  name,
  read: () => Promise.resolve(new Blob([content])),
});
/** Of the fixture, with other contents or without. */
function files(changes: Readonly<Record<string, string | null>> = {}): FoundFile[] {
  return names.flatMap((name) => {
    const change = changes[name];
    if (change === null) return [];
    return [found(name, change ?? fixture(name))];
  });
}
const imported = async (changes: Readonly<Record<string, string | null>> = {}) =>
  importRun(await findRunFiles(files(changes)), null);
const stateWith = (changes: Record<string, unknown>): string => JSON.stringify({ ...state, ...changes });

test('a run of the Trainer becomes one of the list, with its curve, its settings and its adapter', async () => {
  const runs = new RunStore(memoryFolders());
  const id = await keepImported(await imported(), runs);
  const [listed] = await runs.list();
  expect(listed).toMatchObject({
    id,
    state: 'finished',
    step: 6,
    totalSteps: 6,
    isImported: true,
    notes: '',
    model: { name: 'demo', source: { kind: 'demo' } },
    dataset: { name: 'few.jsonl' },
    counts: { trainRows: 36, evaluationRows: 4 },
    settings: { r: 1, lora_alpha: 2, target_modules: ['q_proj'], max_steps: 6, eval_fraction: 0.1 },
  });
  const { records } = await runs.read(id);
  const losses = state.log_history.flatMap(({ loss }) => (typeof loss === 'number' ? [loss] : []));
  const steps = records.flatMap((record) => (record.kind === 'step' ? [record.report] : []));
  expect(steps.map(({ loss }) => loss)).toEqual(losses);
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(steps[5]?.metrics).toHaveProperty('mean_token_accuracy');
  const heldOut = records.flatMap((record) =>
    record.kind === 'eval-loss' ? [[record.step, record.loss]] : [],
  );
  const evaluated = state.log_history.flatMap(({ step, eval_loss: loss }) =>
    loss === undefined ? [] : [[step, loss]],
  );
  expect(heldOut).toEqual(evaluated);
  expect(heldOut).toHaveLength(2);
});

test('its download has the adapter that was trained there, to the bit', async () => {
  const runs = new RunStore(memoryFolders());
  const download = await storedRunFiles(runs, await keepImported(await imported(), runs));
  const bytes = (name: string): Uint8Array =>
    download.find((file) => file.name === name)?.bytes ?? new Uint8Array();
  const read = async (config: Uint8Array, weights: Uint8Array) =>
    readPeftAdapter(new TextDecoder().decode(config), await openSafetensors(bytesSource(weights)));
  const here = await read(bytes('adapter_config.json'), bytes('adapter_model.safetensors'));
  const there = await read(fixture('adapter_config.json'), fixture('adapter_model.safetensors'));
  expect(here.modules).toEqual(there.modules);
  expect(here.modules[0]?.b.some((value) => value !== 0)).toBe(true);
  const rows = new TextDecoder().decode(bytes('metrics.jsonl')).trimEnd().split('\n');
  expect(rows.map((row) => (JSON.parse(row) as { step: number }).step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(rows[2]).toContain('"eval_loss"');
});

test('a state alone is a curve without an adapter, and what it does not say is said', async () => {
  const alone = await imported({
    'adapter_config.json': null,
    'adapter_model.safetensors': null,
    'bundle_config.json': null,
  });
  expect(alone.adapter).toBeNull();
  expect(alone.head.settings).toEqual({
    max_steps: 6,
    num_train_epochs: 1,
    eval_steps: 3,
    save_steps: 3,
    per_device_train_batch_size: 4,
    learning_rate: 4e-4,
    logging_steps: 1,
  });
  expect(alone.notes.join(' ')).toContain('The others are not in these files');
  const runs = new RunStore(memoryFolders());
  const id = await keepImported(alone, runs);
  await expect(runs.checkpoint(id)).rejects.toMatchObject({ code: 'checkpoint-invalid' });
});

test.each([
  ['cut off', textOf('trainer_state.json').slice(0, 900), /cut off/],
  ['empty', '', /no whole JSON/],
  ['no object', '[]', /no JSON object/],
  ['without its history', stateWith({ log_history: undefined }), /no log_history/],
  ['with an empty history', stateWith({ log_history: [] }), /no loss/],
  ['without its step', stateWith({ global_step: null }), /global_step null/],
  ['with a step of none', stateWith({ log_history: [{ step: 1.5, loss: 1 }] }), /step 1.5/],
  ['with steps beyond its end', stateWith({ log_history: [{ step: 99, loss: 1 }] }), /reaches step 99/],
  ['with a row that is none', stateWith({ log_history: [3] }), /row 1/],
])('a trainer_state.json %s is refused, with the reason', async (_, text, words) => {
  await expect(imported({ 'trainer_state.json': text })).rejects.toMatchObject({
    code: 'checkpoint-invalid',
    message: expect.stringMatching(words) as string,
  });
});

test('keys that are not known are listed, and those of the Trainer are not', async () => {
  expect((await imported()).notes).toEqual([]);
  const text = stateWith({
    my_field: 1,
    log_history: [
      { step: 1, loss: 2, entropy: 0.5 },
      { step: 1, eval_loss: 3, eval_mean_token_accuracy: 0.5 },
      { step: 2, cpu_temperature: 80 },
    ],
  });
  expect((await imported({ 'trainer_state.json': text })).notes).toEqual([
    'Not read: log_history: cpu_temperature, log_history: eval_mean_token_accuracy, my_field.',
  ]);
});

test('losses that Python wrote as NaN leave a gap, and are counted', () => {
  const text = `{"global_step": 3, "max_steps": 5, "a": "NaN", "log_history": [
    {"step": 1, "loss": 1.5, "grad_norm": NaN, "learning_rate": 0.1, "epoch": 0.1},
    {"step": 2, "loss": NaN, "epoch": 0.2}, {"step": 3, "loss": Infinity}]}`;
  const { records, notes, isFinished } = readTrainerState(text);
  expect(records).toHaveLength(1);
  expect(notes).toEqual(['Not read: a.', '2 of its losses are not finite, and are left out of the curve.']);
  expect(isFinished).toBe(false);
});

test('a run that logged every fifth step, and its first by itself, keeps each loss as it was', async () => {
  const log_history = [1, 5, 10].map((step) => ({ step, loss: step, epoch: step / 10 }));
  const text = stateWith({ global_step: 10, max_steps: 20, logging_steps: 5, log_history });
  const { record, head } = await imported({ 'trainer_state.json': text });
  const rows = record.metrics.text().trimEnd().split('\n');
  expect(rows.map((row) => (JSON.parse(row) as { loss: number }).loss)).toEqual([1, 5, 10]);
  expect(head).toMatchObject({ state: 'stopped', step: 10, totalSteps: 20, stepsPerEpoch: 10 });
});

test('an adapter of another model is refused: by its name, by its sizes, and where none is known', async () => {
  const other = textOf('adapter_config.json').replace('"demo"', '"some/llama"');
  await expect(imported({ 'adapter_config.json': other })).rejects.toMatchObject({
    code: 'adapter-invalid',
    message: expect.stringContaining('some/llama') as string,
  });
  const narrow = textOf('bundle_config.json').replace(/"hidden_size": \d+/, '"hidden_size": 4');
  await expect(imported({ 'bundle_config.json': narrow })).rejects.toMatchObject({ code: 'adapter-invalid' });
  await expect(imported({ 'bundle_config.json': null })).rejects.toMatchObject({ code: 'not-ready' });
  const ranked = textOf('bundle_config.json').replace('"r": 1,', '"r": 2,');
  await expect(imported({ 'bundle_config.json': ranked })).rejects.toMatchObject({ code: 'adapter-invalid' });
});

test.each([
  ['cut off', textOf('bundle_config.json').slice(0, 300)],
  ['of another format', '{"format":"x"}'],
  ['without its rows', textOf('bundle_config.json').replace('"rows"', '"lines"')],
])('a bundle_config.json %s is refused', async (_, text) => {
  await expect(imported({ 'bundle_config.json': text })).rejects.toMatchObject({
    code: 'checkpoint-invalid',
  });
});

test('of several checkpoints the last is taken, with its own adapter, from a folder or a zip', async () => {
  const early = JSON.stringify({ global_step: 3, log_history: [{ step: 1, loss: 9 }] });
  const entries = {
    'out/checkpoint-3/trainer_state.json': new TextEncoder().encode(early),
    'out/checkpoint-3/adapter_config.json': new TextEncoder().encode('{}'),
    'out/checkpoint-3/adapter_model.safetensors': new Uint8Array(8),
    'out/checkpoint-3/optimizer.pt': new Uint8Array(8),
    ...Object.fromEntries(names.slice(0, 3).map((name) => [`out/checkpoint-6/${name}`, fixture(name)])),
    'out/bundle_config.json': fixture('bundle_config.json'),
  };
  const zip = { path: 'out.zip', content: new Blob([zipSync(entries)]) };
  for (const given of [
    Object.entries(entries).map(([name, bytes]) => found(name, bytes as BlobPart)),
    await filesGiven([zip]),
  ]) {
    const { head, adapter } = await importRun(await findRunFiles(given), null);
    expect(head.step).toBe(6);
    expect(adapter).not.toBeNull();
  }
});

test('files that are no run are refused by what is missing', async () => {
  await expect(findRunFiles([found('model.bin', 'x')])).rejects.toMatchObject({
    message: expect.stringContaining('no trainer_state.json') as string,
  });
  await expect(findRunFiles(files({ 'adapter_config.json': null }))).rejects.toMatchObject({
    code: 'adapter-invalid',
    message: expect.stringContaining('without adapter_config.json') as string,
  });
  await expect(filesGiven([{ path: 'half.zip', content: new Blob(['PK']) }])).rejects.toMatchObject({
    code: 'checkpoint-invalid',
  });
});

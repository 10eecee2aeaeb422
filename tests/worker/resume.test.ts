// A run that goes on from a checkpoint: a finished one, a longer one, and one with other data or weights.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MetricsRow, RunResult, TrainerApi, TrainingRequest } from '../../src/api/trainer-api.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { datasetSettings } from '../../src/config/dataset-settings.ts';
import {
  defaultRunConfig,
  requireRunConfig,
  type RawRunConfig,
  type RunConfig,
} from '../../src/config/run-config.ts';
import { browserHost } from '../../src/host/browser/browser-host.ts';
import { createTrainerService } from '../../src/trainer/trainer-service.ts';
import { fixtureUrl } from '../gpu/open.ts';

const folder = 'goldens/tied-gqa';
const nothing = (): void => undefined;

const config = (raw: RawRunConfig = {}): RunConfig =>
  requireRunConfig({
    learning_rate: 5e-3,
    max_steps: 5,
    per_device_train_batch_size: 2,
    gradient_accumulation_steps: 1,
    r: 4,
    max_length: 96,
    logging_steps: 2,
    ...raw,
  });

async function fixture(name: string): Promise<Blob> {
  return (await fetch(fixtureUrl(`${folder}/${name}`))).blob();
}
/** The model with one bit of its weights changed, or as it is. */
async function loadModel(service: TrainerApi, flipsBit = false): Promise<void> {
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
  const files = await Promise.all(
    names.map(async (name) => {
      const bytes = new Uint8Array(await (await fixture(`model/${name}`)).arrayBuffer());
      if (flipsBit && name.endsWith('.safetensors')) bytes[bytes.length - 4000] ^= 1;
      return new File([bytes], name);
    }),
  );
  await service.loadModel({ kind: 'files', name: 'tied-gqa', files }, 'none', nothing);
}
async function readRows(service: TrainerApi, change = (text: string): string => text): Promise<void> {
  const file = new Blob([change(await (await fixture('dataset.jsonl')).text())]);
  const settings = { ...datasetSettings(defaultRunConfig), maxLength: 96 };
  await service.readDataset({ kind: 'file', name: 'dataset.jsonl', file }, settings, nothing);
}

interface Ran {
  readonly result: RunResult;
  readonly rows: readonly MetricsRow[];
  readonly notes: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}
async function run(request: TrainingRequest, stopAfter = Infinity): Promise<Ran> {
  const rows: MetricsRow[] = [];
  const notes: string[] = [];
  const result = await service.startTraining(request, (event) => {
    if (event.kind === 'metrics') rows.push(event.row);
    if (event.kind === 'phase') notes.push(event.note);
    if (event.kind === 'step' && event.report.step === stopAfter) void service.stop();
  });
  const files = new Map((await service.exportFiles()).map(({ name, bytes }) => [name, bytes]));
  return { result, rows, notes, files };
}
const refusal = async (request: TrainingRequest): Promise<string> =>
  service.startTraining(request, nothing).then(
    () => 'not refused',
    (error: unknown) => (error instanceof TrainerError ? `${error.code}: ${error.message}` : String(error)),
  );
/** Without what depends on the clock. */
const lasting = (rows: readonly MetricsRow[]): unknown[] =>
  rows.map(({ tokens_per_second: _rate, step_ms: _ms, gpu_bytes: _bytes, ...row }) => row);

let service: TrainerApi;
beforeAll(async () => {
  service = createTrainerService(browserHost(`${location.origin}/`, navigator.gpu));
  await loadModel(service);
  await readRows(service);
});
afterAll(() => service.destroyDevice());

describe('a finished run', () => {
  test('resumed again does nothing, says so, and reports what it had reached', async () => {
    const whole = await run({ config: config() });
    const checkpoint = await service.exportCheckpoint();
    const again = await run({ config: config(), checkpoint });
    expect(again.result).toMatchObject({
      alreadyFinished: true,
      finished: true,
      steps: 5,
      lossFirst: whole.result.lossFirst,
      lossLast: whole.result.lossLast,
      targetTokens: whole.result.targetTokens,
    });
    expect(again.rows).toEqual([]);
    expect(again.notes.at(-1)).toContain('Already finished: 5 of 5 steps');
    expect(again.files.get('adapter_model.safetensors')).toEqual(
      whole.files.get('adapter_model.safetensors'),
    );
    expect(await service.exportCheckpoint().then((blob) => blob.arrayBuffer())).toEqual(
      await checkpoint.arrayBuffer(),
    );
    expect(new TextDecoder().decode(again.files.get('README.md'))).not.toContain('No training step');
    const shorter = await run({ config: config({ max_steps: 3 }), checkpoint });
    expect(shorter.result).toMatchObject({ alreadyFinished: true, steps: 5 });
  });

  test('goes on where it is made longer, as a run of that length does once its rates are the same', async () => {
    const constant = { lr_scheduler_type: 'constant' };
    const long = await run({ config: config({ ...constant, max_steps: 8 }) });
    await run({ config: config({ ...constant, max_steps: 5 }) });
    const checkpoint = await service.exportCheckpoint();
    const longer = await run({ config: config({ ...constant, max_steps: 8 }), checkpoint });
    expect(longer.result).toMatchObject({ alreadyFinished: false, steps: 8 });
    expect(longer.notes.some((note) => note.includes('planned for 5 steps and now has 8'))).toBe(true);
    expect(longer.files.get('adapter_model.safetensors')).toEqual(
      long.files.get('adapter_model.safetensors'),
    );
  });
});

test('the rows of a run that was stopped within a window, and of its continuation, are those of the whole run', async () => {
  const settings = config({ eval_fraction: 0.2, eval_steps: 2 });
  const whole = await run({ config: settings });
  const stopped = await run({ config: settings }, 3);
  const checkpoint = await service.exportCheckpoint();
  const resumed = await run({ config: settings, checkpoint });
  expect(lasting([...stopped.rows, ...resumed.rows])).toEqual(lasting(whole.rows));
  expect(
    whole.rows.map(({ step, loss, eval_loss: e }) => [step, loss !== undefined, e !== undefined]),
  ).toEqual([
    [2, true, true],
    [4, true, true],
    [5, true, true],
  ]);
  const { lossFirst, lossLast, targetTokens, trainRows, evaluationRows, rows } = whole.result;
  expect(resumed.result).toMatchObject({ lossFirst, lossLast, targetTokens, steps: 5 });
  expect([rows, trainRows, evaluationRows]).toEqual([21, 17, 4]);
});

describe('a checkpoint of other data or weights', () => {
  test('is refused by their content, and used where that is asked for', async () => {
    await run({ config: config() }, 2);
    const checkpoint = await service.exportCheckpoint();
    await readRows(service, (text) => text.replace(/[a-z]{5}/, 'other'));
    expect(await refusal({ config: config(), checkpoint })).toMatch(
      /^checkpoint-invalid: .*the data are others/,
    );
    const allowed = await run({ config: config(), checkpoint, allowChanges: true });
    expect(allowed.result.steps).toBe(5);
    expect(allowed.notes.some((note) => note.startsWith('Changed since the checkpoint: the data'))).toBe(
      true,
    );

    await loadModel(service, true);
    await readRows(service);
    expect(await refusal({ config: config(), checkpoint })).toMatch(
      /^checkpoint-invalid: .*the model's weights are others/,
    );
    await loadModel(service);
    await readRows(service);
    expect((await run({ config: config({ gpu_memory_limit_gb: 8 }), checkpoint })).result.steps).toBe(5);
  });

  test('is refused when it is cut off, and the run before stays', async () => {
    const before = await run({ config: config({ max_steps: 1 }) });
    const checkpoint = (await service.exportCheckpoint()).slice(0, -100);
    expect(await refusal({ config: config(), checkpoint })).toMatch(
      /^checkpoint-invalid: .*it was cut, or changed since/,
    );
    const files = await service.exportFiles();
    expect(files.find(({ name }) => name === 'adapter_model.safetensors')?.bytes).toEqual(
      before.files.get('adapter_model.safetensors'),
    );
  });
});

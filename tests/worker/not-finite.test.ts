/**
 * Steps whose loss or gradient is not finite, on a real device. A file with infinite weights is refused when it is loaded, so here
 * a value of the embedding becomes infinite on its way to the GPU, as a fault of its memory would have it: a token that
 * one row of the data has, and no other.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSafetensors } from '../../src/adapter/safetensors.ts';
import type {
  MetricsRow,
  RunResult,
  StepReport,
  TrainerApi,
  TrainEvent,
  TrainingRequest,
} from '../../src/api/trainer-api.ts';
import { bytesSource } from '../../src/support/byte-source.ts';
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

const folder = 'goldens/untied-mqa'; // with a tied head an infinite row would be in every logit
const nothing = (): void => undefined;
const sentinel = 12_345.678; // in the file, where the GPU gets an infinity

const config = (raw: RawRunConfig = {}): RunConfig =>
  requireRunConfig({
    learning_rate: 5e-3,
    max_steps: 6,
    warmup_steps: 0,
    lr_scheduler_type: 'linear',
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 1,
    r: 4,
    max_length: 96,
    save_steps: 1,
    ...raw,
  });

/** A GPU whose queue turns the sentinel into an infinity. */
function faultyGpu(): GPU {
  return {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await navigator.gpu.requestAdapter(options);
      const request = adapter?.requestDevice.bind(adapter);
      if (adapter && request)
        adapter.requestDevice = async (descriptor) => {
          const device = await request(descriptor);
          const write = device.queue.writeBuffer.bind(device.queue);
          device.queue.writeBuffer = (buffer, offset, data, from = 0, length = data.byteLength) =>
            write(buffer, offset, withInfinity(data as ArrayBuffer, from, length));
          return device;
        };
      return adapter;
    },
  } as unknown as GPU;
}

/** The engine writes parts of array buffers, in whole words. */
function withInfinity(data: ArrayBuffer, from: number, length: number): ArrayBuffer {
  const copy = data.slice(from, from + length);
  const values = new Float32Array(copy);
  values.forEach((value, i) => {
    if (value === Math.fround(sentinel)) values[i] = Infinity;
  });
  return copy;
}

interface Ran {
  readonly result: RunResult | null;
  readonly code: string | null;
  readonly message: string;
  readonly steps: readonly StepReport[];
  readonly rows: readonly MetricsRow[];
  readonly warnings: readonly Extract<TrainEvent, { kind: 'warning' }>[];
  readonly weights: Uint8Array;
  readonly checkpoint: Blob;
}
async function run(request: TrainingRequest, stopAfter = Infinity): Promise<Ran> {
  const steps: StepReport[] = [];
  const rows: MetricsRow[] = [];
  const warnings: Extract<TrainEvent, { kind: 'warning' }>[] = [];
  const ended = await service
    .startTraining(request, (event) => {
      if (event.kind === 'step') steps.push(event.report);
      if (event.kind === 'step' && event.report.step === stopAfter) void service.stop();
      if (event.kind === 'metrics') rows.push(event.row);
      if (event.kind === 'warning') warnings.push(event);
    })
    .then(
      (result) => ({ result, code: null, message: '' }),
      (error: { code: string; message: string }) => ({
        result: null,
        code: error.code,
        message: error.message,
      }),
    );
  const files = await service.exportFiles();
  const weights = files.find(({ name }) => name === 'adapter_model.safetensors')?.bytes ?? new Uint8Array();
  return { ...ended, steps, rows, warnings, weights, checkpoint: await service.exportCheckpoint() };
}

async function stateOf(checkpoint: Blob): Promise<Record<string, Float32Array>> {
  const file = await openSafetensors(bytesSource(new Uint8Array(await checkpoint.arrayBuffer())));
  const names = ['parameters', 'firstMoment', 'secondMoment'];
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await file.readFloat32(name)] as const)),
  );
}

async function readRows(lines: readonly string[]): Promise<void> {
  const file = new Blob([`${lines.join('\n')}\n`]);
  const settings = { ...datasetSettings(defaultRunConfig), maxLength: 96 };
  await service.readDataset({ kind: 'file', name: 'rows.jsonl', file }, settings, nothing);
}

let service: TrainerApi;
let lines: readonly string[];
let badLine: number; // the only one with the token

beforeAll(async () => {
  service = createTrainerService(browserHost(`${location.origin}/`, faultyGpu()));
  lines = (await (await fetch(fixtureUrl(`${folder}/dataset.jsonl`))).text()).trim().split('\n');
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
  const fetched = await Promise.all(
    names.map(async (name) => (await fetch(fixtureUrl(`${folder}/model/${name}`))).arrayBuffer()),
  );
  const load = async (): Promise<void> => {
    const files = names.map((name, i) => new File([fetched[i]], name));
    await service.loadModel({ kind: 'files', name: 'untied-mqa', files }, 'none', nothing);
  };
  await load();
  await readRows(lines);
  const { token, line } = await tokenOfOneRow();
  badLine = line;
  const weights = new Uint8Array(fetched[3]);
  const { tensors } = await openSafetensors(bytesSource(weights));
  const embedding = tensors.get('model.embed_tokens.weight')!;
  const place = embedding.start + 4 * token * embedding.shape[1];
  new DataView(weights.buffer).setFloat32(place, sentinel, true);
  await load();
  await readRows(lines);
});
afterAll(() => service.destroyDevice());

/** A token that is read (and not only predicted) in one row alone. */
async function tokenOfOneRow(): Promise<{ token: number; line: number }> {
  const rows = await service.inspectRows(0, 100);
  const linesOf = new Map<number, Set<number>>();
  for (const { line, tokens } of rows)
    for (const { id } of tokens.slice(0, -1)) linesOf.set(id, (linesOf.get(id) ?? new Set()).add(line));
  const [token, found] = [...linesOf].find(([, where]) => where.size === 1)!;
  return { token, line: [...found][0] };
}

describe('one row with a loss that is not finite', () => {
  test('skips its step and no other, is named, and the run goes on', async () => {
    const { result, steps, rows, warnings } = await run({ config: config() });
    expect(result).toMatchObject({ finished: true, steps: 6, skippedSteps: 1 });
    const skipped = steps.filter((report) => report.skipped !== undefined);
    expect(skipped).toHaveLength(1); // 21 rows in steps of 4: the first epoch has 6
    expect(skipped[0].skipped).toEqual({
      reason: 'loss',
      lines: [badLine],
      rows: 1,
      isNarrowed: true,
      inARow: 1,
      total: 1,
    });
    expect(warnings).toMatchObject([{ code: 'step-skipped', step: skipped[0].step }]);
    expect(warnings[0].message).toContain(`line ${badLine}`);
    for (const report of steps)
      expect(Number.isFinite(report.loss) && Number.isFinite(report.gradNorm)).toBe(
        report.skipped === undefined,
      );
    expect(rows.find(({ step }) => step === skipped[0].step)).toMatchObject({
      skipped: true,
      skipped_lines: [badLine],
    });
    expect(Number.isFinite(result?.lossLast)).toBe(true);
  });

  test('leaves parameters and moments as they were, to the bit, and the rate for the next step', async () => {
    const { steps } = await run({ config: config() });
    const { step } = steps.find((report) => report.skipped !== undefined)!;
    expect(step).toBeGreaterThan(1); // else there would be nothing to compare
    expect(step).toBeLessThan(6);
    const [before, at, after] = [
      await run({ config: config() }, step - 1),
      await run({ config: config() }, step),
      await run({ config: config() }, step + 1),
    ];
    expect(await stateOf(at.checkpoint)).toEqual(await stateOf(before.checkpoint));
    expect(await stateOf(after.checkpoint)).not.toEqual(await stateOf(at.checkpoint));
    // accelerate 1.x, AcceleratedScheduler.step: no step of the schedule where the optimizer's was skipped
    expect(steps[step].learningRate).toBe(steps[step - 1].learningRate);
    expect(steps[step].learningRate).toBeLessThan(steps[step - 2].learningRate);
  });

  test('does not keep a run from being resumed to the same bytes, before it and after it', async () => {
    const whole = await run({ config: config() });
    const { step } = whole.steps.find((report) => report.skipped !== undefined)!;
    for (const at of [step - 1, step]) {
      const { checkpoint } = await run({ config: config() }, at);
      const resumed = await run({ config: config(), checkpoint });
      expect(resumed.weights).toEqual(whole.weights);
      expect(resumed.result).toMatchObject({ skippedSteps: 1, lossLast: whole.result?.lossLast });
    }
  });

  test('in steps of micro-batches is named too, and not the rows beside it', async () => {
    const settings = { per_device_train_batch_size: 3, gradient_accumulation_steps: 7, max_steps: 1 };
    const { steps } = await run({ config: config({ ...settings, max_consecutive_skipped_steps: 2 }) });
    expect(steps[0].skipped).toMatchObject({ lines: [badLine], isNarrowed: true });
  });

  test('stops the run at once where the setting is 0', async () => {
    const { code, message, steps } = await run({ config: config({ max_consecutive_skipped_steps: 0 }) });
    expect(code).toBe('loss-not-finite');
    expect(message).toContain(`line ${badLine}`);
    expect(steps.at(-1)?.skipped?.inARow).toBe(1);
  });
});

describe('nothing but such rows after the first', () => {
  const settings = {
    per_device_train_batch_size: 1,
    shuffle: false,
    lr_scheduler_type: 'constant',
    max_steps: 5,
    save_steps: 100,
  };

  test('stops after three in a row, and the adapter before them can be downloaded and resumed', async () => {
    const good = lines.find((_, i) => i + 1 !== badLine)!;
    const bad = lines[badLine - 1];
    await readRows([good, bad, bad, bad, bad]);
    const first = await run({ config: config({ ...settings, max_steps: 1 }) });
    const stopped = await run({ config: config(settings) });
    expect(stopped.code).toBe('loss-not-finite');
    expect(stopped.message).toMatch(/the last of 3 skipped in a row.*line 4/);
    expect(stopped.steps.map((report) => report.skipped?.inARow ?? 0)).toEqual([0, 1, 2, 3]);
    expect(stopped.weights).toEqual(first.weights);
    expect(await stateOf(stopped.checkpoint)).toEqual(await stateOf(first.checkpoint));
    const more = config({ ...settings, max_consecutive_skipped_steps: 9 });
    const resumed = await run({ config: more, checkpoint: stopped.checkpoint });
    expect(resumed.result).toMatchObject({ finished: true, steps: 5, skippedSteps: 4 });
    expect(resumed.weights).toEqual(first.weights);
  });
});

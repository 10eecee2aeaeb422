// Objectives against torch 2.13 + PEFT 0.21 (scripts/goldens/objectives.py): weighted tokens, and a preference that reads log-probabilities first.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSafetensors, type SafetensorsFile } from '../../src/adapter/safetensors.ts';
import { blobSource } from '../../src/support/byte-source.ts';
import { moduleName } from '../../src/architecture/modules.ts';
import { requireRunConfig } from '../../src/config/run-config.ts';
import type { TokenizedExample } from '../../src/data/mask.ts';
import { toBatch, type Batch } from '../../src/data/batch.ts';
import type { Gpu } from '../../src/device/open-device.ts';
import { toModules, type Adapter } from '../../src/model/adapter.ts';
import { TrainingPass } from '../../src/model/training-pass.ts';
import { MetricSums } from '../../src/objectives/metric-sums.ts';
import type { Objective } from '../../src/objectives/objective.ts';
import { sft } from '../../src/objectives/sft.ts';
import { RunControl } from '../../src/trainer/run-control.ts';
import { RowPlan } from '../../src/trainer/row-plan.ts';
import { planTraining } from '../../src/trainer/run-plan.ts';
import { Training } from '../../src/trainer/train.ts';
import type { StepReport } from '../../src/api/trainer-api.ts';
import { marginsOf, preference } from '../support/preference.ts';
import { openGolden, type Golden } from './goldens.ts';
import { assertHealthyAfterEach, fixtureUrl, openTestDevice, relativeError } from './open.ts';

const F32 = 1e-4; // the project's bar for float32 against torch's float32 on the CPU
const SAME = 1e-5; // relative: only the order of float32 sums differs

interface Curve {
  readonly loss: number;
  readonly grad_norm: number;
}
interface ObjectivesJson {
  readonly settings: Record<string, unknown>;
  readonly weighted: {
    readonly weights: readonly (readonly number[])[];
    readonly loss: number;
    readonly curve: readonly Curve[];
  };
  readonly preference: {
    readonly beta: number;
    readonly loss: number;
    readonly margins: readonly number[];
    readonly curve: readonly Curve[];
  };
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestDevice();
});
assertHealthyAfterEach(() => gpu);

describe.each(['tied-gqa', 'qwen3-tied-f16'])('%s', (name) => {
  let golden: Golden;
  let json: ObjectivesJson;
  let tensors: SafetensorsFile;
  let weighted: readonly TokenizedExample[];
  beforeAll(async () => {
    const fixture = (ending: string): Promise<Response> => fetch(fixtureUrl(`objectives/${name}.${ending}`));
    golden = await openGolden(gpu, name);
    json = (await (await fixture('json')).json()) as ObjectivesJson;
    tensors = await openSafetensors(blobSource(await (await fixture('safetensors')).blob()));
    weighted = json.weighted.weights.map((weights, row) => ({
      ...golden.examples[row],
      weights: Float32Array.from(weights),
    }));
  });
  afterAll(() => golden.model.decoder.dispose());

  /** Runs `use` on a pass with room for `batch`, and gives the gradients it leaves. */
  async function gradientsOf(
    batch: Batch,
    use: (pass: TrainingPass) => void | Promise<void>,
    checkpointing = false,
  ): Promise<Float32Array> {
    const adapter = golden.makeAdapter();
    const size = { rows: batch.tokenCount, lossRows: batch.targetCount, checkpointing };
    const pass = new TrainingPass(golden.model.decoder, adapter, size);
    await use(pass);
    const gradients = await gpu.memory.readFloat32(adapter.gradients);
    pass.dispose();
    adapter.dispose();
    return gradients;
  }

  const sftGradients = (rows: readonly TokenizedExample[]): Promise<Float32Array> => {
    const batch = toBatch(rows);
    return gradientsOf(batch, (pass) => pass.accumulate(batch, 0, sft.coefficients(batch, [batch]), 1));
  };

  async function expectGradients(objective: 'weighted' | 'preference', flat: Float32Array): Promise<void> {
    const adapter: Adapter = golden.makeAdapter();
    const modules = toModules(adapter.plan, golden.settings, flat);
    adapter.dispose();
    expect(modules.length * 4).toBe(tensors.tensors.size); // A and B of both objectives
    for (const { layer, target, a, b } of modules)
      for (const [which, values] of [
        ['A', a],
        ['B', b],
      ] as const) {
        const key = `${objective}.grad.base_model.model.${moduleName(layer, target)}.lora_${which}.weight`;
        expect(relativeError(values, await tensors.readFloat32(key)), key).toBeLessThan(F32);
      }
  }

  async function curveOf(objective: Objective, train: readonly TokenizedExample[]): Promise<StepReport[]> {
    const adapter = golden.makeAdapter();
    const config = requireRunConfig({ ...golden.json.curve.settings, ...json.settings });
    const training = await Training.prepare({
      decoder: golden.model.decoder,
      adapter,
      plan: planTraining(new RowPlan(train, config), config, true),
      objective,
      firstStep: 0,
      control: new RunControl(),
      nowMs: () => performance.now(),
    });
    await training.compile();
    const reports: StepReport[] = [];
    for await (const happened of training.run()) if (happened.kind === 'step') reports.push(happened.report);
    training.dispose();
    adapter.dispose();
    return reports;
  }

  function expectCurve(reports: readonly StepReport[], curve: readonly Curve[]): void {
    expect(reports).toHaveLength(curve.length);
    for (const [step, { loss, grad_norm: norm }] of curve.entries()) {
      expect(relativeError([reports[step].loss], [loss]), `loss of step ${step + 1}`).toBeLessThan(F32);
      expect(relativeError([reports[step].gradNorm], [norm]), `norm of step ${step + 1}`).toBeLessThan(F32);
    }
  }

  test('loss and every LoRA gradient of weighted rows and turns equal those of torch', async () => {
    const batch = toBatch(weighted.slice(0, 4));
    const sums = new MetricSums();
    const gradients = await gradientsOf(batch, async (pass) => {
      pass.accumulate(batch, 0, sft.coefficients(batch, [batch]), 1);
      const { logProbs } = await pass.readReport(batch.targetCount);
      sft.measure({ batch, logProbs, baseLogProbs: null }, sums);
    });
    expect(relativeError([sums.mean('loss')], [json.weighted.loss])).toBeLessThan(F32);
    await expectGradients('weighted', gradients);
    // the control: without the weights it is another gradient
    const plain = await sftGradients(golden.examples.slice(0, 4));
    expect(relativeError(plain, gradients)).toBeGreaterThan(100 * F32);
  });

  test('steps over weighted rows follow torch: normalised over the step, not the micro-batch', async () => {
    expectCurve(await curveOf(sft, weighted), json.weighted.curve);
  });

  test('weight 2 is the row twice, and weight 0 is the row masked', async () => {
    const [first, second, third] = golden.examples.map(({ line, tokens, isTarget, targetCount }) => ({
      line,
      tokens,
      isTarget,
      targetCount,
      truncated: false,
    }));
    const weighing = (row: TokenizedExample, weight: number): TokenizedExample => ({
      ...row,
      weights: new Float32Array(row.tokens.length).fill(weight),
    });
    const twice = await sftGradients([first, weighing(second, 2), third]);
    expect(relativeError(twice, await sftGradients([first, second, second, third]))).toBeLessThan(SAME);
    expect(relativeError(twice, await sftGradients([first, second, third]))).toBeGreaterThan(100 * SAME);

    const masked = { ...second, isTarget: new Uint8Array(second.tokens.length), targetCount: 0 };
    const never = await sftGradients([first, weighing(second, 0), third]);
    expect(relativeError(never, await sftGradients([first, masked, third]))).toBeLessThan(SAME);
  });

  test('only the ratio of weights counts, and all weights 1 are no weights, to the bit', async () => {
    const rows = golden.examples.slice(0, 3);
    const all = (weight: number): TokenizedExample[] =>
      rows.map((row) => ({ ...row, weights: new Float32Array(row.tokens.length).fill(weight) }));
    const plain = await sftGradients(rows);
    expect(await sftGradients(all(1))).toEqual(plain);
    expect(await sftGradients(all(4))).toEqual(plain);
  });

  test.each([false, true])(
    'a loss of whole rows against the base is read, then trained: DPO as torch computes it (checkpointing %s)',
    async (checkpointing) => {
      const { beta, margins, loss } = json.preference;
      const objective = preference(beta);
      const batch = toBatch(golden.examples.slice(0, 4));
      const sums = new MetricSums();
      const gradients = await gradientsOf(
        batch,
        async (pass) => {
          pass.evaluate(batch, 0, 'base');
          const baseLogProbs = await pass.readLogProbs(0, batch.targetCount);
          pass.forward(batch, 0, 1);
          const scored = { batch, baseLogProbs, logProbs: await pass.readLogProbs(0, batch.targetCount) };
          expect(relativeError(marginsOf(scored, beta), margins)).toBeLessThan(F32);
          objective.measure(scored, sums);
          pass.backward(objective.coefficients(scored, [batch]));
        },
        checkpointing,
      );
      expect(relativeError([sums.mean('loss')], [loss])).toBeLessThan(F32);
      await expectGradients('preference', gradients);
    },
  );

  test('the training loop runs such an objective: its losses, norms and named metrics', async () => {
    const { beta, curve } = json.preference;
    const reports = await curveOf(preference(beta), golden.examples.slice(0, 8));
    expectCurve(reports, curve);
    for (const { loss, metrics } of reports) {
      expect(Object.keys(metrics)).toEqual(['loss', 'margin', 'accuracy']);
      expect(metrics['loss']).toBe(loss);
      expect([0, 0.5, 1]).toContain(metrics['accuracy']);
    }
  });

  test('in two halves a micro-batch has the log-probabilities and gradients it has in one go, to the bit', async () => {
    const batch = toBatch(golden.examples.slice(0, 4));
    const coefficients = sft.coefficients(batch, [batch]);
    let halves: Float32Array | null = null;
    let whole: Float32Array | null = null;
    const inHalves = await gradientsOf(batch, async (pass) => {
      pass.forward(batch, 0, 1);
      halves = await pass.readLogProbs(0, batch.targetCount);
      pass.backward(coefficients);
    });
    const inOne = await gradientsOf(batch, async (pass) => {
      pass.accumulate(batch, 0, coefficients, 1);
      whole = (await pass.readReport(batch.targetCount)).logProbs;
    });
    expect(halves).toEqual(whole);
    expect(inHalves).toEqual(inOne);
  });

  test('activations that an evaluation has overwritten are not gone back through', async () => {
    const batch = toBatch(golden.examples.slice(0, 1));
    await gradientsOf(batch, (pass) => {
      pass.forward(batch, 0, 1);
      pass.evaluate(batch, 0);
      expect(() => pass.backward(sft.coefficients(batch, [batch]))).toThrow('needs the activations');
      expect(() => {
        pass.forward(batch, 0, 1);
        pass.backward(new Float32Array(1));
      }).toThrow('1 coefficients for');
    });
  });
});

// Against transformers 5.18 + PEFT 0.21 (scripts/goldens/make_goldens.py): logits, loss, every LoRA gradient, ten AdamW steps.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moduleName } from '../../src/architecture/modules.ts';
import { toBatch } from '../../src/data/batch.ts';
import type { Gpu } from '../../src/device/open-device.ts';
import { toModules } from '../../src/model/adapter.ts';
import { GenerationSession } from '../../src/model/generation-session.ts';
import { loadModel, type LoadedModel } from '../../src/model/load-model.ts';
import { TrainingPass } from '../../src/model/training-pass.ts';
import { sft } from '../../src/objectives/sft.ts';
import { RunControl } from '../../src/trainer/run-control.ts';
import { RowPlan } from '../../src/trainer/row-plan.ts';
import { planTraining } from '../../src/trainer/run-plan.ts';
import { Training } from '../../src/trainer/train.ts';
import { lossSumOf, meanCoefficients } from '../support/mean-loss.ts';
import { dequantisedCopy } from './dequantised.ts';
import { goldenFiles, goldenNames, openGolden, type Golden } from './goldens.ts';
import { assertHealthyAfterEach, openTestDevice, relativeError } from './open.ts';

const F32 = 1e-4; // the project's bar for float32 against torch's float32 on the CPU

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestDevice();
});
assertHealthyAfterEach(() => gpu);

describe.each(goldenNames)('%s', (name) => {
  let golden: Golden;
  beforeAll(async () => {
    golden = await openGolden(gpu, name);
  });
  afterAll(() => golden.model.decoder.dispose());

  test('logits equal those of transformers with and without the adapter', async () => {
    const adapter = golden.makeAdapter();
    const rows = golden.json.batch.rows.map((row) => golden.json.rows[row]?.ids ?? []);
    const positionsOf = (i: number): readonly number[] =>
      golden.json.batch.positions?.[i] ?? (rows[i] ?? []).map((_, position) => position);
    const longest = Math.max(...rows.map((ids) => ids.length));
    const generator = new GenerationSession(golden.model.decoder, adapter, longest, longest + 1);
    const compare = async (tensor: string, i: number, useAdapter: boolean): Promise<number> => {
      const expected = await golden.tensors.readFloat32(tensor);
      const prefixes = positionsOf(i).map((position) => (rows[i] ?? []).slice(0, position + 1));
      const logits = await generator.nextLogits(prefixes, useAdapter);
      return relativeError(Float32Array.from(logits.flatMap((row) => [...row])), expected);
    };
    for (const i of rows.keys()) expect(await compare(`logits.${i}`, i, true)).toBeLessThan(F32);
    expect(await compare('base_logits.0', 0, false)).toBeLessThan(F32);
    // the control that must fail: the adapter changes the logits
    expect(await compare('logits.0', 0, false)).toBeGreaterThan(100 * F32);
    generator.dispose();
    adapter.dispose();
  });

  test.each([false, true])(
    'loss and every LoRA gradient equal those of PEFT (checkpointing %s)',
    async (checkpointing) => {
      const adapter = golden.makeAdapter();
      const batch = toBatch(golden.json.batch.rows.map((row) => golden.examples[row] as never));
      expect(batch.targetCount).toBe(golden.json.batch.target_tokens);
      const pass = new TrainingPass(golden.model.decoder, adapter, {
        rows: batch.tokenCount,
        lossRows: batch.targetCount,
        checkpointing,
      });
      pass.accumulate(batch, 0, meanCoefficients(batch), 1);
      const lossSum = lossSumOf((await pass.readReport(batch.targetCount)).logProbs);
      expect(
        Math.abs(lossSum / batch.targetCount - golden.json.batch.loss) / golden.json.batch.loss,
      ).toBeLessThan(F32);

      const modules = toModules(
        adapter.plan,
        golden.settings,
        await gpu.memory.readFloat32(adapter.gradients),
      );
      const names = [...golden.tensors.tensors.keys()].filter((key) => key.startsWith('grad.'));
      expect(modules.length * 2).toBe(names.length);
      for (const { layer, target, a, b } of modules) {
        const grad = `grad.base_model.model.${moduleName(layer, target)}`;
        expect(
          relativeError(a, await golden.tensors.readFloat32(`${grad}.lora_A.weight`)),
          `${grad} A`,
        ).toBeLessThan(F32);
        expect(
          relativeError(b, await golden.tensors.readFloat32(`${grad}.lora_B.weight`)),
          `${grad} B`,
        ).toBeLessThan(F32);
      }
      pass.dispose();
      adapter.dispose();
    },
  );

  test('ten AdamW steps follow the run of torch and PEFT', async () => {
    const adapter = golden.makeAdapter();
    const training = await Training.prepare({
      decoder: golden.model.decoder,
      adapter,
      plan: planTraining(new RowPlan(golden.examples, golden.config), golden.config, true),
      objective: sft,
      firstStep: 0,
      control: new RunControl(),
      nowMs: () => performance.now(),
    });
    const { steps } = golden.json.curve;
    let done = 0;
    for await (const happened of training.run()) {
      if (happened.kind !== 'step') continue;
      const expected = steps[done++];
      const { report } = happened;
      expect(report.targetTokens).toBe(expected?.target_tokens);
      expect(relativeError([report.loss], [expected?.loss ?? 0]), `loss of step ${report.step}`).toBeLessThan(
        F32,
      );
      expect(
        relativeError([report.gradNorm], [expected?.grad_norm ?? 0]),
        `gradient norm of step ${report.step}`,
      ).toBeLessThan(F32);
      expect(Math.abs(report.learningRate - (expected?.learning_rate ?? 0))).toBeLessThan(1e-12);
    }
    expect(done).toBe(steps.length);
    const trained = toModules(adapter.plan, golden.settings, await adapter.readParameters());
    for (const { layer, target, a, b } of trained) {
      const expected = golden.finalModules.find(
        (module) => module.layer === layer && module.target === target,
      );
      expect(relativeError(a, expected?.a ?? []), `${layer} ${target} A`).toBeLessThan(F32);
      expect(relativeError(b, expected?.b ?? []), `${layer} ${target} B`).toBeLessThan(F32);
    }
    training.dispose();
    adapter.dispose();
  });

  test('greedy generation gives the tokens of transformers, base and adapter', async () => {
    const adapter = golden.makeAdapter();
    const { greedy } = golden.json;
    const prompts = greedy.map((sample) => sample.prompt_ids);
    const maxNewTokens = Math.max(...greedy.map((sample) => sample.base.length));
    const generator = new GenerationSession(golden.model.decoder, adapter, prompts.length, 64);
    const settings = { maxNewTokens, temperature: 0, seed: 0, eosIds: golden.model.tokenizer.eosIds };
    const base = await generator.generate(prompts, { ...settings, useAdapter: false });
    const adapted = await generator.generate(prompts, { ...settings, useAdapter: true });
    expect(base).toEqual(greedy.map((sample) => sample.base));
    expect(adapted).toEqual(greedy.map((sample) => sample.adapter));
    expect(adapted).not.toEqual(base);
    generator.dispose();
    adapter.dispose();
  });
});

describe.each(['tied-gqa', 'untied-mqa', 'qwen3-tied-f16', 'llama-tied-rope3'])('%s', (name) => {
  test('in int8 and nf4: logits, loss and gradients are those of the decoded weights in float32', async () => {
    const golden = await openGolden(gpu, name);
    golden.model.decoder.dispose();
    const results = async ({ decoder }: LoadedModel) => {
      const adapter = golden.makeAdapter();
      const { rows } = golden.json.batch;
      const batch = toBatch(rows.map((row) => golden.examples[row]));
      const size = { rows: batch.tokenCount, lossRows: batch.targetCount, checkpointing: true };
      const pass = new TrainingPass(decoder, adapter, size);
      pass.accumulate(batch, 0, meanCoefficients(batch), 1);
      const lossSum = lossSumOf((await pass.readReport(batch.targetCount)).logProbs);
      const gradients = await gpu.memory.readFloat32(adapter.gradients);
      const generator = new GenerationSession(decoder, adapter, 1, 64);
      const [logits] = await generator.nextLogits([golden.json.greedy[0].prompt_ids], true);
      for (const made of [pass, generator, adapter]) made.dispose();
      return { loss: lossSum / batch.targetCount, gradients, logits };
    };
    for (const format of ['int8', 'nf4'] as const) {
      const coded = await loadModel(gpu, goldenFiles(name), format, () => undefined);
      const { embedding, head, layers } = coded.decoder.weights;
      expect([embedding, head, layers[0].qkv, layers[0].down].map((matrix) => matrix.format)).toEqual([
        ...['int8', 'int8'], // also where the layers are nf4
        ...[format, format],
      ]);
      const found = await results(coded);
      const copy = await dequantisedCopy(gpu, coded.decoder.weights);
      coded.decoder.dispose();
      const read = (tensor: string): Promise<Uint8Array> =>
        Promise.resolve(copy.get(tensor) ?? new Uint8Array());
      const plain = await loadModel(gpu, goldenFiles(name), 'f32', () => undefined, {
        tiedHead: golden.model.config.tiedHead,
        notes: [],
        read,
      });
      const expected = await results(plain);
      plain.decoder.dispose();
      expect(relativeError([found.loss], [expected.loss])).toBeLessThan(F32);
      expect(relativeError(found.gradients, expected.gradients)).toBeLessThan(F32);
      expect(relativeError(found.logits, expected.logits)).toBeLessThan(F32);
      // the control: the checkpoint's own weights give something else
      expect(relativeError([found.loss], [golden.json.batch.loss])).toBeGreaterThan(F32);
    }
  });
});

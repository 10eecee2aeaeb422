/**
 * The benchmark's touch point with the engine's model and training pass (suite/engine.ts has the kernels'): models of
 * real shapes with random weights, one training step, decoding.
 */
import { checkpointTensors } from '../../../src/architecture/checkpoint-tensors.ts';
import { loraTargets } from '../../../src/architecture/modules.ts';
import { toBatch, type Batch } from '../../../src/data/batch.ts';
import { adamw, gradNorm, gradNormPartials } from '../../../src/kernels/adamw.ts';
import { Adapter, initialValues, lowWidths, toModules } from '../../../src/model/adapter.ts';
import { Decoder } from '../../../src/model/decoder.ts';
import {
  allocSpecs,
  batchSpecs,
  forwardSpecs,
  layerSpecs,
  tensorsOf,
  uploadBatch,
} from '../../../src/model/buffers.ts';
import { GenerationSession } from '../../../src/model/generation-session.ts';
import { linear } from '../../../src/kernels/matmul.ts';
import { rmsNorm } from '../../../src/kernels/rms-norm.ts';
import type { ModelConfig } from '../../../src/model/model-config.ts';
import { rowLayout } from '../../../src/model/layer.ts';
import { TrainingPass } from '../../../src/model/training-pass.ts';
import { MetricSums } from '../../../src/objectives/metric-sums.ts';
import { sft } from '../../../src/objectives/sft.ts';
import { loadWeights, type TensorLookup } from '../../../src/model/load-weights.ts';
import { createRng, type Gpu, type WeightFormat } from './engine.ts';
import type { StepShape } from './flops.ts';

export type { Batch, Decoder, GenerationSession, ModelConfig };

export interface ModelShape {
  readonly name: string;
  readonly c: number;
  readonly f: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly vocab: number;
  readonly layers: number; // of the real model
  readonly tiedHead: boolean;
}

/** The step of the project's acceptance figure and of the comparison with other libraries. */
export const peerShape: ModelShape = {
  name: 'peer',
  c: 256,
  f: 768,
  heads: 4,
  kvHeads: 2,
  headSize: 64,
  vocab: 4096,
  layers: 4,
  tiedHead: true,
};
export const demoShape: ModelShape = {
  name: 'demo',
  c: 160,
  f: 432,
  heads: 4,
  kvHeads: 2,
  headSize: 40,
  vocab: 2048,
  layers: 4,
  tiedHead: true,
};
/** SmolLM2-135M's widths; the real one is of the Llama family, without biases. */
export const smolShape: ModelShape = {
  name: 'SmolLM2-135M',
  c: 576,
  f: 1536,
  heads: 9,
  kvHeads: 3,
  headSize: 64,
  vocab: 49_152,
  layers: 30,
  tiedHead: true,
};
export const qwenHalfShape: ModelShape = {
  name: 'Qwen2.5-0.5B',
  c: 896,
  f: 4864,
  heads: 14,
  kvHeads: 2,
  headSize: 64,
  vocab: 151_936,
  layers: 24,
  tiedHead: true,
};
export const distillShape: ModelShape = {
  name: 'R1-Distill-Qwen-1.5B',
  c: 1536,
  f: 8960,
  heads: 12,
  kvHeads: 2,
  headSize: 128,
  vocab: 151_936,
  layers: 28,
  tiedHead: false,
};

export function configOf(shape: ModelShape, layerCount: number): ModelConfig {
  return {
    family: 'qwen2',
    architecture: 'Qwen2ForCausalLM',
    hiddenSize: shape.c,
    intermediateSize: shape.f,
    layerCount,
    headCount: shape.heads,
    kvHeadCount: shape.kvHeads,
    headSize: shape.headSize,
    vocabSize: shape.vocab,
    maxPositions: 32_768,
    rmsNormEps: 1e-6,
    ropeTheta: 10_000,
    ropeScaling: null,
    qkvBias: true,
    qkNorm: false,
    eosIds: [],
    tiedHead: shape.tiedHead,
  };
}

/** Name → values, the same for every library and every call: seeded by the name. */
export function syntheticTensor(name: string, shape: readonly number[]): Float32Array {
  const rng = createRng(
    [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0, 7),
  );
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const isNorm = name.endsWith('norm.weight');
  const scale = name.endsWith('bias') ? 0.1 : isNorm ? 0.2 : Math.sqrt(3 / shape[shape.length - 1]);
  const centre = isNorm ? 1 : 0;
  for (let i = 0; i < values.length; i++) values[i] = centre + (rng.next() * 2 - 1) * scale;
  return values;
}

const blockElements = 1 << 20;
let randomBlock: Float32Array | null = null;

/** The same for large models, of one block of random numbers again and again: a billion of them would take a minute. */
export function repeatedTensor(name: string, shape: readonly number[]): Float32Array {
  const count = shape.reduce((a, b) => a * b, 1);
  if (count <= blockElements) return syntheticTensor(name, shape);
  randomBlock ??= syntheticTensor('block', [blockElements, 3]).subarray(0, blockElements);
  const scale = Math.sqrt(1 / shape[shape.length - 1]);
  const block = randomBlock.map((value) => value * scale);
  const values = new Float32Array(count);
  for (let at = 0; at < count; at += blockElements)
    values.set(block.subarray(0, Math.min(blockElements, count - at)), at);
  return values;
}

/** Names and shapes of a checkpoint with a head of its own. */
export function tensorShapes(config: ModelConfig): ReadonlyMap<string, readonly number[]> {
  return new Map(checkpointTensors({ ...config, tiedHead: false }).map(({ name, shape }) => [name, shape]));
}

/** Random weights through the engine's own loader. Caller disposes. */
export async function openModel(
  gpu: Gpu,
  config: ModelConfig,
  format: WeightFormat = 'f32',
  valuesOf: typeof syntheticTensor = syntheticTensor,
): Promise<Decoder> {
  const shapes = tensorShapes(config);
  const shapeOf = (name: string): readonly number[] => {
    const shape = shapes.get(name);
    if (shape === undefined) throw new RangeError(`no tensor ${name}`);
    return shape;
  };
  let last: { readonly name: string; readonly values: Float32Array } | null = null; // ranges of one come in turn
  const tensor = (name: string): Float32Array => {
    if (last?.name !== name) last = { name, values: valuesOf(name, shapeOf(name)) };
    return last.values;
  };
  const file = {
    tensors: new Map(),
    metadata: {},
    readBytes: async (name: string) => new Uint8Array(valuesOf(name, shapeOf(name)).buffer as ArrayBuffer),
    readFloat32: async (name: string, elements?: readonly [number, number]) =>
      tensor(name).subarray(...(elements ?? [])),
  };
  const lookup: TensorLookup = (name) => ({ file, name, shape: shapeOf(name) });
  return new Decoder(
    gpu,
    config,
    await loadWeights(gpu, config, format, { kind: 'checkpoint', lookup }, () => undefined),
  );
}

/** Rows of random tokens; the last `targetShare` of each is trained. */
export function randomBatch(vocab: number, tokens: number, rows: number, targetShare: number): Batch {
  const rng = createRng(tokens * 31 + rows);
  return toBatch(
    Array.from({ length: rows }, (_, line) => {
      const isTarget = Uint8Array.from({ length: tokens + 1 }, (_unused, i) =>
        i > tokens * (1 - targetShare) ? 1 : 0,
      );
      return {
        line,
        tokens: Int32Array.from({ length: tokens + 1 }, () => rng.below(vocab)),
        isTarget,
        targetCount: isTarget.reduce((sum, one) => sum + one, 0),
        truncated: false,
      };
    }),
  );
}

export const stepShapeOf = (config: ModelConfig, rank: number, tokens: number, batch: Batch): StepShape => ({
  ...config,
  rank,
  tokens,
  batch: batch.tokenCount / tokens,
  targetRows: batch.targetCount,
});

export interface LoraGradient {
  readonly name: string; // "layers.0.q_proj.A"
  readonly shape: readonly [number, number];
  readonly values: Float32Array;
}

export interface TrainingStep {
  readonly adapter: readonly LoraGradient[]; // parameters, under the gradients' names
  /** Forward, backward, clipping and AdamW; submits. */
  run(): void;
  /** Loss and gradients of one pass, before any update. */
  lossAndGradients(): Promise<{ readonly loss: number; readonly gradients: readonly LoraGradient[] }>;
  dispose(): void;
}

/** One LoRA step over one micro-batch, adapters on all seven linear layers, A and B both random so that no gradient is zero. */
export async function openStep(
  decoder: Decoder,
  rank: number,
  batch: Batch,
  checkpointing: boolean,
): Promise<TrainingStep> {
  const { gpu, config } = decoder;
  const { memory, recorder } = gpu;
  const settings = {
    r: rank,
    loraAlpha: 2 * rank,
    loraDropout: 0,
    targetModules: [...loraTargets],
    useRslora: false,
  };
  const { adapter, pass, partials } = await memory.checked('this benchmark step', () => {
    const made = new Adapter(gpu, config, settings);
    return {
      adapter: made,
      pass: new TrainingPass(decoder, made, {
        rows: batch.tokenCount,
        lossRows: batch.targetCount,
        checkpointing,
      }),
      partials: memory.alloc('gradient norm partials', [gradNormPartials]),
    };
  });
  const { plan } = adapter;
  const values = initialValues(plan, settings, createRng(1));
  const rng = createRng(2);
  for (const group of plan.groups) {
    for (const part of group.parts) {
      for (let n = 0; n < part.outFeatures; n++)
        for (let r = 0; r < rank; r++) values[part.bOffset + n * plan.rank + r] = (rng.next() * 2 - 1) * 0.05;
    }
  }
  adapter.writeParameters(values);
  decoder.reservePositions(batch.positions.reduce((most, position) => Math.max(most, position + 1), 1));
  const named = (flat: Float32Array): LoraGradient[] =>
    toModules(plan, settings, flat).flatMap(({ layer, target, inFeatures, outFeatures, a, b }) => [
      { name: `layers.${layer}.${target}.A`, shape: [rank, inFeatures], values: a } as const,
      { name: `layers.${layer}.${target}.B`, shape: [outFeatures, rank], values: b } as const,
    ]);
  const coefficients = sft.coefficients(batch, [batch]);
  const accumulate = (): void => pass.accumulate(batch, 0, coefficients, 1);
  return {
    adapter: named(values),
    run: () => {
      accumulate();
      gradNorm(recorder, adapter.gradients, partials, pass.stats, plan.elementCount, 1);
      adamw(
        recorder,
        adapter.parameters,
        adapter.gradients,
        adapter.firstMoment,
        adapter.secondMoment,
        pass.stats,
        plan.elementCount,
        { learningRate: 1e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step: 1 },
      );
      recorder.submit();
    },
    lossAndGradients: async () => {
      recorder.clear(adapter.gradients);
      accumulate();
      const { logProbs } = await pass.readReport(batch.targetCount);
      const gradients = named(await memory.readFloat32(adapter.gradients));
      recorder.clear(adapter.gradients);
      recorder.submit();
      const sums = new MetricSums();
      sft.measure({ batch, logProbs, baseLogProbs: null }, sums);
      return { loss: sums.mean('loss'), gradients };
    },
    dispose: () => {
      pass.dispose();
      adapter.dispose();
      memory.dispose([partials]);
    },
  };
}

export const openGenerator = (decoder: Decoder, batch: number, context: number): GenerationSession =>
  new GenerationSession(decoder, null, batch, context);

export interface ForwardPass {
  /** Base model, logits of every position; submits. */
  run(): void;
  readLogits(): Promise<Float32Array>; // [tokens, vocab]
  dispose(): void;
}

/** For widths that are multiples of 4. */
export function openForward(decoder: Decoder, batch: Batch): ForwardPass {
  const { gpu, config, weights } = decoder;
  const { memory, recorder } = gpu;
  const m = batch.tokenCount;
  const { hiddenSize: c, vocabSize, layerCount } = config;
  const tensors = allocSpecs(memory, batchSpecs(m));
  const acts = allocSpecs(memory, layerSpecs(config, m, lowWidths(null, layerCount)));
  const scratch = allocSpecs(memory, forwardSpecs(config, m));
  const pair = [memory.alloc('forward a', [m, c]), memory.alloc('forward b', [m, c])];
  const streams = Array.from({ length: layerCount + 1 }, (_, i) => pair[i % 2]);
  const normed = memory.alloc('forward normed', [m, c]);
  const logits = memory.alloc('forward logits', [m, vocabSize]);
  return {
    run: () => {
      uploadBatch(memory, tensors, batch);
      decoder.forward(
        tensors.inputs,
        tensors,
        m,
        streams,
        () => acts,
        scratch,
        null,
        () => null,
      );
      const last = streams[layerCount];
      rmsNorm(recorder, last, weights.finalNorm, normed, rowLayout(gpu, config, m), config.rmsNormEps);
      linear(recorder, normed, weights.head, logits, { m, n: vocabSize, k: c });
      recorder.submit();
    },
    readLogits: () => memory.readFloat32(logits),
    dispose: () => {
      recorder.forgetBindGroups();
      memory.dispose([
        ...tensorsOf(tensors),
        ...tensorsOf(acts),
        ...tensorsOf(scratch),
        ...pair,
        normed,
        logits,
      ]);
    },
  };
}

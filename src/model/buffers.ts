/**
 * Every buffer of a run, described before it exists: the memory plan adds these descriptions up and allocation follows
 * them, so what is planned is what is held. All are made before the first step: the peak is known then and flat after.
 *
 * Tensors whose lives do not overlap share a buffer (`wide`: SwiGLU's output, its gradient, the logits of a chunk and
 * the attention output's gradient). They are buffers and not one block because WebGPU lets a dispatch read one part of
 * a buffer and write another only if both are bound as writable.
 *
 * With gradient checkpointing all layers share one set of inner activations and the backward pass recomputes it;
 * without, each layer keeps its own. Norms and SwiGLU's output are cheap and recomputed either way.
 */
import type { GpuMemory, GpuTensor, TensorSpec } from '../device/gpu-memory.ts';
import { specBytes } from '../device/gpu-memory.ts';
import type { Site } from '../architecture/modules.ts';
import type { Batch } from '../data/batch.ts';
import { padded, widths, type ModelConfig } from './model-config.ts';

export type Specs = Readonly<Record<string, TensorSpec>>;
export type Allocated<T extends Specs> = { readonly [K in keyof T]: GpuTensor };

/** Caller disposes. */
export function allocSpecs<T extends Specs>(memory: GpuMemory, specs: T): Allocated<T> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [name, memory.allocSpec(spec)]),
  ) as Allocated<T>;
}

/** Of groups of buffers. */
export const bytesOf = (groups: readonly Specs[]): number =>
  groups.flatMap((specs) => Object.values(specs)).reduce((sum, spec) => sum + specBytes(spec), 0);

/** Bytes of the largest of them; 0 of none. */
export const largestOf = (groups: readonly Specs[]): number =>
  groups.flatMap((specs) => Object.values(specs)).reduce((most, spec) => Math.max(most, specBytes(spec)), 0);

/** The tensors of a group of buffers, for disposal. */
export function tensorsOf<T extends { readonly [K in keyof T]: GpuTensor }>(group: T): GpuTensor[] {
  return Object.values(group);
}

/** Columns of x · Aᵀ at each site. */
export type LowWidths = Readonly<Record<Site, number>>;

const f32 = (label: string, ...shape: number[]): TensorSpec => ({ label, shape });
const u32 = (label: string, ...shape: number[]): TensorSpec => ({ label, shape, dtype: 'u32' });

/** What one layer's forward leaves for its backward; M rows at most. */
export const layerSpecs = (config: ModelConfig, rows: number, low: LowWidths) => {
  const { c, f, q, kv, qkv } = widths(config);
  return {
    qkv: f32('qkv', rows, qkv), // after RoPE
    ...(config.qkNorm ? { rawQk: f32('queries and keys before their norm', rows, q + kv) } : {}),
    attn: f32('attention output', rows, q),
    lse: f32('attention log-sum-exp', rows, config.headCount),
    mid: f32('middle of the layer', rows, c), // residual stream between attention and MLP
    gateUp: f32('gate up', rows, 2 * f), // the backward pass turns it into its gradient
    lowQkv: f32('low qkv', rows, Math.max(4, low.qkv)), // x · Aᵀ of each site
    lowO: f32('low o', rows, Math.max(4, low.o)),
    lowGateUp: f32('low gate up', rows, Math.max(4, low.gateUp)),
    lowDown: f32('low down', rows, Math.max(4, low.down)),
  };
};
export type LayerActivations = Allocated<ReturnType<typeof layerSpecs>>;

/** Scratch of a forward pass. `wideElements`: what else `wide` must have room for. */
export const forwardSpecs = (config: ModelConfig, rows: number, wideElements = 0) => {
  const { c, f } = widths(config);
  return {
    norm: f32('norm', rows, c), // output of either norm; in the backward pass its gradient
    wide: f32('swiglu, logits', Math.max(rows * f, wideElements)),
  };
};
export type ForwardScratch = Allocated<ReturnType<typeof forwardSpecs>>;

/** Scratch that only a backward pass needs. */
export const backwardSpecs = (config: ModelConfig, rows: number, low: LowWidths, dropout: boolean) => {
  const { c, f, q, qkv } = widths(config);
  return {
    dStream: f32('gradient of the stream', rows, c),
    delta: f32('attention delta', rows, config.headCount),
    dLow: f32('gradient of low', rows, Math.max(4, ...Object.values(low))),
    // The attention's gradients lie in gateUp and wide, which are free by then, where they fit.
    ...(2 * f < qkv ? { dQkv: f32('gradient of qkv', rows, qkv) } : {}),
    ...(f < q ? { dAttn: f32('gradient of attention', rows, q) } : {}),
    ...(dropout ? { dropped: f32('dropped input', rows, Math.max(c, f, q)) } : {}),
  };
};
export type BackwardScratch = Allocated<ReturnType<typeof backwardSpecs>>;

export const batchSpecs = (rows: number) => ({
  inputs: u32('inputs', rows),
  positions: u32('positions', rows),
  ranges: u32('ranges', rows, 2),
  segmentEnds: u32('segment ends', rows),
});
export type BatchTensors = Allocated<ReturnType<typeof batchSpecs>>;

/** Targets whose logits are computed at a time: 16 MiB of them, or 64 rows where a row is long. */
export function lossChunkRows(vocabSize: number, capacity: number): number {
  const fits = Math.floor((16 * 2 ** 20) / (4 * padded(vocabSize)) / 64) * 64;
  return Math.min(Math.max(64, Math.min(fits, 512)), Math.ceil(capacity / 64) * 64);
}

/** The loss head's own tensors; its logits lie in `wide`. */
export const lossSpecs = (config: ModelConfig, capacity: number) => {
  const { c } = widths(config);
  const chunk = lossChunkRows(config.vocabSize, capacity);
  return {
    rows: u32('target rows', capacity), // stream row of each target
    ids: u32('target ids', capacity),
    coefficients: f32('loss by log-probability', capacity), // of each target: dLoss / dLogProb
    hidden: f32('hidden of a chunk', chunk, c),
    normed: f32('normed of a chunk', chunk, c),
    dHidden: f32('gradient of hidden', chunk, c),
  };
};
export const logitsElements = (config: ModelConfig, capacity: number): number =>
  lossChunkRows(config.vocabSize, capacity) * padded(config.vocabSize);

/** The residual stream at the input of every layer, and after the last. */
export const streamSpecs = (config: ModelConfig, rows: number): Specs =>
  Object.fromEntries(
    Array.from({ length: config.layerCount + 1 }, (_, i) => [
      i,
      f32(`input of layer ${i}`, rows, widths(config).c),
    ]),
  );

/** Sequences in generation: caches, the rows of a step, and what is chosen. */
export const generationSpecs = (config: ModelConfig, rows: number, sequences: number, context: number) => {
  const { c } = widths(config);
  return {
    streamA: f32('stream a', rows, c),
    streamB: f32('stream b', rows, c),
    inputs: u32('inputs', rows),
    positions: u32('positions', rows),
    ranges: u32('ranges', rows, 2),
    cacheRow: u32('cache rows', rows),
    last: f32('last hidden', sequences, c),
    normed: f32('last normed', sequences, c),
    logits: f32('next-token logits', sequences, padded(config.vocabSize)),
    next: u32('next tokens', sequences),
    out: u32('generated', sequences, context),
  };
};
export const cacheSpecs = (config: ModelConfig, sequences: number, context: number): Specs =>
  Object.fromEntries(
    Array.from({ length: config.layerCount }, (_, i) => [
      i,
      f32(`kv cache ${i}`, sequences * context, 2 * widths(config).kv),
    ]),
  );

/** Writes a batch's integers to the GPU. */
export function uploadBatch(memory: GpuMemory, tensors: BatchTensors, batch: Batch): void {
  memory.write(tensors.inputs, batch.inputs);
  memory.write(tensors.positions, batch.positions);
  memory.write(tensors.segmentEnds, batch.segmentEnds);
  const ranges = new Uint32Array(batch.tokenCount * 2);
  for (let m = 0; m < batch.tokenCount; m++) {
    ranges[m * 2] = batch.segmentStarts[m];
    ranges[m * 2 + 1] = m + 1; // causal
  }
  memory.write(tensors.ranges, ranges);
}

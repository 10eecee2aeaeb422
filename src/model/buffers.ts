/**
 * All activations of a run, allocated once before the first step: the peak is known then and flat afterwards.
 *
 * With gradient checkpointing every layer shares one set of inner activations and the backward pass recomputes
 * it; without, each layer keeps its own.
 */
import type { GpuMemory, GpuTensor } from '../device/gpu-memory.ts';
import type { Batch } from '../data/pack.ts';
import { padded, type ModelConfig } from './model-config.ts';

/** What one layer's forward leaves for its backward; M is the capacity in rows. */
export interface LayerActivations {
  readonly norm1: GpuTensor; // [M, Cp]
  readonly qkv: GpuTensor; // [M, (H + 2K)·D], after RoPE
  readonly attn: GpuTensor; // [M, H·D]
  readonly lse: GpuTensor; // [M, H]
  readonly mid: GpuTensor; // [M, Cp], residual stream between attention and MLP
  readonly norm2: GpuTensor; // [M, Cp]
  readonly gateUp: GpuTensor; // [M, 2Fp]
  readonly act: GpuTensor; // [M, Fp]
  /** x · Aᵀ of each site, [M, lowWidth]; the widest any layer's site needs. */
  readonly low: Readonly<Record<'qkv' | 'o' | 'gateUp' | 'down', GpuTensor>>;
}

export interface BatchTensors {
  readonly inputs: GpuTensor; // u32 [M]
  readonly positions: GpuTensor; // u32 [M]
  readonly ranges: GpuTensor; // u32 [M, 2]
  readonly segmentEnds: GpuTensor; // u32 [M]
}

/** Narrow enough for 16 MiB of logits, a multiple of 64 rows so that chunks can be bound as views. */
export function lossChunkRows(vocabSize: number, capacity: number): number {
  const fits = Math.floor((16 * 2 ** 20) / (4 * padded(vocabSize)) / 64) * 64;
  return Math.min(Math.max(64, Math.min(fits, 512)), Math.ceil(capacity / 64) * 64);
}

export function allocBatch(memory: GpuMemory, rows: number): BatchTensors {
  return {
    inputs: memory.alloc('inputs', [rows], 'u32'),
    positions: memory.alloc('positions', [rows], 'u32'),
    ranges: memory.alloc('ranges', [rows, 2], 'u32'),
    segmentEnds: memory.alloc('segment ends', [rows], 'u32'),
  };
}

export type LowWidths = Readonly<Record<'qkv' | 'o' | 'gateUp' | 'down', number>>;

export function allocLayer(
  memory: GpuMemory,
  config: ModelConfig,
  rows: number,
  low: LowWidths,
): LayerActivations {
  const { hiddenSize, intermediateSize, headCount, kvHeadCount, headSize } = config;
  const [cp, fp] = [padded(hiddenSize), padded(intermediateSize)];
  return {
    norm1: memory.alloc('norm1', [rows, cp]),
    qkv: memory.alloc('qkv', [rows, (headCount + 2 * kvHeadCount) * headSize]),
    attn: memory.alloc('attention output', [rows, headCount * headSize]),
    lse: memory.alloc('attention log-sum-exp', [rows, headCount]),
    mid: memory.alloc('middle of the layer', [rows, cp]),
    norm2: memory.alloc('norm2', [rows, cp]),
    gateUp: memory.alloc('gate up', [rows, 2 * fp]),
    act: memory.alloc('swiglu', [rows, fp]),
    low: {
      qkv: memory.alloc('low qkv', [rows, Math.max(4, low.qkv)]),
      o: memory.alloc('low o', [rows, Math.max(4, low.o)]),
      gateUp: memory.alloc('low gate up', [rows, Math.max(4, low.gateUp)]),
      down: memory.alloc('low down', [rows, Math.max(4, low.down)]),
    },
  };
}

/** Gradients of one layer's activations and other scratch, shared by all layers. */
export interface BackwardScratch {
  readonly dStream: GpuTensor; // [M, Cp], gradient of the residual stream
  readonly dNorm: GpuTensor; // [M, Cp]
  readonly dQkv: GpuTensor;
  readonly dAttn: GpuTensor;
  readonly delta: GpuTensor; // [M, H]
  readonly dGateUp: GpuTensor;
  readonly dAct: GpuTensor;
  readonly dLow: GpuTensor;
}

export function allocBackward(
  memory: GpuMemory,
  config: ModelConfig,
  rows: number,
  low: LowWidths,
): BackwardScratch {
  const { hiddenSize, intermediateSize, headCount, kvHeadCount, headSize } = config;
  const [cp, fp] = [padded(hiddenSize), padded(intermediateSize)];
  return {
    dStream: memory.alloc('d stream', [rows, cp]),
    dNorm: memory.alloc('d norm', [rows, cp]),
    dQkv: memory.alloc('d qkv', [rows, (headCount + 2 * kvHeadCount) * headSize]),
    dAttn: memory.alloc('d attention', [rows, headCount * headSize]),
    delta: memory.alloc('attention delta', [rows, headCount]),
    dGateUp: memory.alloc('d gate up', [rows, 2 * fp]),
    dAct: memory.alloc('d swiglu', [rows, fp]),
    dLow: memory.alloc('d low', [rows, Math.max(4, ...Object.values(low))]),
  };
}

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

/** The tensors of a group of buffers, for disposal. */
export function tensorsOf<T extends { readonly [K in keyof T]: GpuTensor }>(group: T): GpuTensor[] {
  return Object.values(group);
}

export function layerTensors({ low, ...rest }: LayerActivations): GpuTensor[] {
  return [...tensorsOf(low), ...tensorsOf(rest)];
}

/** One decoder block of the Qwen2 family, forward and backward, over a flat stream of M rows. */
import type { Gpu } from '../device/open-device.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { attention, storeKv } from '../kernels/attention.ts';
import { attentionDx } from '../kernels/attention-backward.ts';
import { linear, linearDx } from '../kernels/matmul.ts';
import { rmsNorm, rmsNormDx, type RowLayout } from '../kernels/rms-norm.ts';
import { rope } from '../kernels/rope.ts';
import { swiglu, swigluDx } from '../kernels/swiglu.ts';
import type { BackwardScratch, LayerActivations } from './buffers.ts';
import { loraBackward, loraForward, type AdapterUse } from './lora-site.ts';
import { padded, type ModelConfig } from './model-config.ts';
import type { LayerWeights } from './weights.ts';

/** Per-row integers of the stream. */
export interface StreamTensors {
  readonly positions: GpuTensor; // u32 [M]
  readonly ranges: GpuTensor; // u32 [M, 2], the key rows each query sees
  readonly segmentEnds?: GpuTensor; // u32 [M]; backward only
}

/** Keys and values outlive the pass: row `cacheRow[m]` of `cache` receives those of stream row m. */
export interface KvCacheUse {
  readonly cache: GpuTensor; // [rows, 2·K·D]
  readonly cacheRow: GpuTensor; // u32 [M]
}

export interface LayerContext {
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  readonly layer: number;
  readonly weights: LayerWeights;
  readonly ropeTable: GpuTensor;
  readonly stream: StreamTensors;
  readonly m: number;
  readonly use: AdapterUse | null;
}

export function widths(config: ModelConfig): { c: number; f: number; q: number; kv: number; qkv: number } {
  const q = config.headCount * config.headSize;
  const kv = config.kvHeadCount * config.headSize;
  return { c: padded(config.hiddenSize), f: padded(config.intermediateSize), q, kv, qkv: q + 2 * kv };
}

export function rowLayout(gpu: Gpu, config: ModelConfig, rows: number): RowLayout {
  return {
    rows,
    width: config.hiddenSize,
    stride: padded(config.hiddenSize),
    rowThreads: gpu.recorder.isSoftware ? 1 : 64, // barriers are slow on software adapters
  };
}

/** x → out, leaving in `acts` what the backward needs. `out` may not be x. */
export function layerForward(
  context: LayerContext,
  x: GpuTensor, // [M, Cp]
  out: GpuTensor, // [M, Cp]
  acts: LayerActivations,
  kv: KvCacheUse | null,
): void {
  const { gpu, config, layer, weights, ropeTable, stream, m, use } = context;
  const { recorder } = gpu;
  const { c, f, q, kv: kvWidth, qkv } = widths(config);
  const rows = rowLayout(gpu, config, m);
  const { headCount, kvHeadCount, headSize } = config;

  rmsNorm(recorder, x, weights.norm1, acts.norm1, rows, config.rmsNormEps);
  linear(recorder, acts.norm1, weights.qkv, acts.qkv, { m, n: qkv, k: c }, { bias: weights.qkvBias });
  if (use) loraForward(gpu, use, layer, 'qkv', acts.norm1, acts.qkv, acts.low.qkv, m, qkv);
  rope(
    recorder,
    acts.qkv,
    ropeTable,
    stream.positions,
    { m, heads: headCount + kvHeadCount, headSize, stride: qkv },
    'forward',
  );
  const shape = { heads: headCount, kvHeads: kvHeadCount, headSize };
  if (kv === null) {
    const layout = { stride: qkv, k: q, v: q + kvWidth };
    attention(recorder, acts.qkv, qkv, acts.qkv, layout, stream.ranges, acts.attn, acts.lse, m, shape);
  } else {
    storeKv(recorder, acts.qkv, kv.cacheRow, kv.cache, m, shape);
    const layout = { stride: 2 * kvWidth, k: 0, v: kvWidth };
    attention(recorder, acts.qkv, qkv, kv.cache, layout, stream.ranges, acts.attn, acts.lse, m, shape, false);
  }
  linear(recorder, acts.attn, weights.o, acts.mid, { m, n: c, k: q }, { addend: x });
  if (use) loraForward(gpu, use, layer, 'o', acts.attn, acts.mid, acts.low.o, m, c);

  rmsNorm(recorder, acts.mid, weights.norm2, acts.norm2, rows, config.rmsNormEps);
  linear(recorder, acts.norm2, weights.gateUp, acts.gateUp, { m, n: 2 * f, k: c });
  if (use) loraForward(gpu, use, layer, 'gateUp', acts.norm2, acts.gateUp, acts.low.gateUp, m, 2 * f);
  swiglu(recorder, acts.gateUp, acts.act, { m, f });
  linear(recorder, acts.act, weights.down, out, { m, n: c, k: f }, { addend: acts.mid });
  if (use) loraForward(gpu, use, layer, 'down', acts.act, out, acts.low.down, m, c);
}

/**
 * Turns `scratch.dStream` from the gradient of the layer's output into that of its input, and adds the adapters'
 * gradients. `needsDx` false (first layer: the embedding is frozen) leaves dStream meaningless and saves its cost.
 */
export function layerBackward(
  context: LayerContext & { readonly use: AdapterUse },
  x: GpuTensor,
  acts: LayerActivations,
  scratch: BackwardScratch,
  needsDx: boolean,
): void {
  const { gpu, config, layer, weights, ropeTable, stream, m, use } = context;
  const { recorder } = gpu;
  const { c, f, q, qkv } = widths(config);
  const rows = rowLayout(gpu, config, m);
  const { headCount, kvHeadCount, headSize } = config;
  const { dStream, dNorm, dQkv, dAttn, delta, dGateUp, dAct, dLow } = scratch;
  if (stream.segmentEnds === undefined) throw new RangeError('the backward pass needs segment ends');

  linearDx(recorder, dStream, weights.down, dAct, { m, n: c, k: f });
  loraBackward(gpu, use, layer, 'down', acts.act, dStream, dAct, acts.low.down, dLow, m, c);
  swigluDx(recorder, dAct, acts.gateUp, dGateUp, { m, f });
  linearDx(recorder, dGateUp, weights.gateUp, dNorm, { m, n: 2 * f, k: c });
  loraBackward(gpu, use, layer, 'gateUp', acts.norm2, dGateUp, dNorm, acts.low.gateUp, dLow, m, 2 * f);
  rmsNormDx(recorder, dNorm, acts.mid, weights.norm2, dStream, rows, config.rmsNormEps);

  linearDx(recorder, dStream, weights.o, dAttn, { m, n: c, k: q });
  loraBackward(gpu, use, layer, 'o', acts.attn, dStream, dAttn, acts.low.o, dLow, m, c);
  attentionDx(
    recorder,
    acts.qkv,
    stream.ranges,
    stream.segmentEnds,
    acts.attn,
    acts.lse,
    dAttn,
    delta,
    dQkv,
    m,
    { heads: headCount, kvHeads: kvHeadCount, headSize },
  );
  rope(
    recorder,
    dQkv,
    ropeTable,
    stream.positions,
    { m, heads: headCount + kvHeadCount, headSize, stride: qkv },
    'backward',
  );
  if (needsDx) linearDx(recorder, dQkv, weights.qkv, dNorm, { m, n: qkv, k: c });
  loraBackward(gpu, use, layer, 'qkv', acts.norm1, dQkv, needsDx ? dNorm : null, acts.low.qkv, dLow, m, qkv);
  if (needsDx) rmsNormDx(recorder, dNorm, x, weights.norm1, dStream, rows, config.rmsNormEps);
}

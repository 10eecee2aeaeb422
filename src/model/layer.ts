/**
 * One decoder block, forward and backward, over a flat stream of M rows. Qwen2, Qwen3 and Llama differ in two places,
 * which the configuration says: a bias on queries, keys and values, and a norm of queries and keys.
 */
import type { Gpu } from '../device/open-device.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { attention, storeKv, type AttentionShape } from '../kernels/attention.ts';
import { attentionDx } from '../kernels/attention-backward.ts';
import { linear, linearDx } from '../kernels/matmul.ts';
import { rmsNorm, rmsNormDx, type RowLayout } from '../kernels/rms-norm.ts';
import { qkNormRope, qkNormRopeDx } from '../kernels/qk-norm-rope.ts';
import { rope } from '../kernels/rope.ts';
import { swiglu, swigluDx } from '../kernels/swiglu.ts';
import type { BackwardScratch, ForwardScratch, LayerActivations } from './buffers.ts';
import { loraBackward, loraDropoutDx, loraForward, type AdapterUse } from './lora-site.ts';
import { padded, widths, type ModelConfig } from './model-config.ts';
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
  readonly forward: ForwardScratch;
}

export function rowLayout(gpu: Gpu, config: ModelConfig, rows: number): RowLayout {
  return {
    rows,
    width: config.hiddenSize,
    stride: padded(config.hiddenSize),
    rowThreads: gpu.recorder.rowThreads,
  };
}

const attentionShape = ({ headCount, kvHeadCount, headSize }: ModelConfig): AttentionShape => ({
  heads: headCount,
  kvHeads: kvHeadCount,
  headSize,
});

/** x → out, leaving in `acts` what the backward needs. `out` may not be x. */
export function layerForward(
  context: LayerContext,
  x: GpuTensor, // [M, Cp]
  out: GpuTensor, // [M, Cp]
  acts: LayerActivations,
  kv: KvCacheUse | null,
): void {
  const { gpu, config, layer, weights, stream, m, use } = context;
  const { norm, wide } = context.forward;
  const { recorder } = gpu;
  const { c, f, q, kv: kvWidth, qkv } = widths(config);
  const rows = rowLayout(gpu, config, m);

  rmsNorm(recorder, x, weights.norm1, norm, rows, config.rmsNormEps);
  const loraQkv = loraForward(gpu, use, layer, 'qkv', norm, acts.lowQkv, m);
  linear(
    recorder,
    norm,
    weights.qkv,
    acts.qkv,
    { m, n: qkv, k: c },
    { bias: weights.qkvBias, lora: loraQkv },
  );
  rotateQueriesAndKeys(context, acts.qkv, acts, 'forward');
  const shape = attentionShape(config);
  const given = { q: acts.qkv, qStride: qkv, ranges: stream.ranges, o: acts.attn, lse: acts.lse };
  if (kv === null) {
    const layout = { stride: qkv, k: q, v: q + kvWidth };
    attention(recorder, { ...given, kv: acts.qkv, layout }, m, shape);
  } else {
    storeKv(recorder, acts.qkv, kv.cacheRow, kv.cache, m, shape);
    const layout = { stride: 2 * kvWidth, k: 0, v: kvWidth };
    attention(recorder, { ...given, kv: kv.cache, layout }, m, shape, false);
  }
  const loraO = loraForward(gpu, use, layer, 'o', acts.attn, acts.lowO, m);
  linear(recorder, acts.attn, weights.o, acts.mid, { m, n: c, k: q }, { addend: x, lora: loraO });

  rmsNorm(recorder, acts.mid, weights.norm2, norm, rows, config.rmsNormEps);
  const loraGateUp = loraForward(gpu, use, layer, 'gateUp', norm, acts.lowGateUp, m);
  linear(recorder, norm, weights.gateUp, acts.gateUp, { m, n: 2 * f, k: c }, { lora: loraGateUp });
  swiglu(recorder, acts.gateUp, wide, { m, f });
  const loraDown = loraForward(gpu, use, layer, 'down', wide, acts.lowDown, m);
  linear(recorder, wide, weights.down, out, { m, n: c, k: f }, { addend: acts.mid, lora: loraDown });
}

/**
 * Turns `scratch.dStream` from the gradient of the layer's output into that of its input, and adds the adapters'
 * gradients; `acts` is used up. `needsDx` false (first layer: the embedding is frozen) leaves dStream meaningless and
 * saves its cost.
 */
export function layerBackward(
  context: LayerContext & { readonly use: AdapterUse },
  x: GpuTensor,
  acts: LayerActivations,
  scratch: BackwardScratch,
  needsDx: boolean,
): void {
  const { gpu, config, layer, weights, stream, m, use } = context;
  const { norm, wide } = context.forward;
  const { recorder } = gpu;
  const { c, f, q, qkv } = widths(config);
  const rows = rowLayout(gpu, config, m);
  const { dStream, delta, dLow, dAttn = wide, dQkv = acts.gateUp } = scratch;
  if (stream.segmentEnds === undefined) throw new RangeError('the backward pass needs segment ends');

  swiglu(recorder, acts.gateUp, wide, { m, f });
  const loraDown = loraBackward(
    gpu,
    use,
    { layer, site: 'down' },
    { x: wide, dy: dStream, low: acts.lowDown, dLow },
    { m, yStride: c },
  );
  linearDx(recorder, dStream, weights.down, wide, { m, n: c, k: f }, { lora: loraDown });
  loraDropoutDx(gpu, use, layer, 'down', wide, dLow, m);
  swigluDx(recorder, wide, acts.gateUp, { m, f });

  rmsNorm(recorder, acts.mid, weights.norm2, norm, rows, config.rmsNormEps);
  const loraGateUp = loraBackward(
    gpu,
    use,
    { layer, site: 'gateUp' },
    { x: norm, dy: acts.gateUp, low: acts.lowGateUp, dLow },
    { m, yStride: 2 * f },
  );
  linearDx(recorder, acts.gateUp, weights.gateUp, norm, { m, n: 2 * f, k: c }, { lora: loraGateUp });
  loraDropoutDx(gpu, use, layer, 'gateUp', norm, dLow, m);
  rmsNormDx(recorder, norm, acts.mid, weights.norm2, dStream, rows, config.rmsNormEps);

  const loraO = loraBackward(
    gpu,
    use,
    { layer, site: 'o' },
    { x: acts.attn, dy: dStream, low: acts.lowO, dLow },
    { m, yStride: c },
  );
  linearDx(recorder, dStream, weights.o, dAttn, { m, n: c, k: q }, { lora: loraO });
  loraDropoutDx(gpu, use, layer, 'o', dAttn, dLow, m);
  const { ranges, segmentEnds } = stream;
  const kept = { qkv: acts.qkv, o: acts.attn, lse: acts.lse };
  attentionDx(recorder, { ...kept, ranges, segmentEnds, dO: dAttn, delta, dQkv }, m, attentionShape(config));
  rotateQueriesAndKeys(context, dQkv, acts, 'backward');
  rmsNorm(recorder, x, weights.norm1, norm, rows, config.rmsNormEps);
  const loraQkv = loraBackward(
    gpu,
    use,
    { layer, site: 'qkv' },
    { x: norm, dy: dQkv, low: acts.lowQkv, dLow },
    { m, yStride: qkv },
  );
  if (!needsDx) return;
  linearDx(recorder, dQkv, weights.qkv, norm, { m, n: qkv, k: c }, { lora: loraQkv });
  loraDropoutDx(gpu, use, layer, 'qkv', norm, dLow, m);
  rmsNormDx(recorder, norm, x, weights.norm1, dStream, rows, config.rmsNormEps);
}

/** RoPE on the queries and keys of qkv (backward: of their gradient) in place, and the norm before it where there is one. */
function rotateQueriesAndKeys(
  { gpu, config, weights, ropeTable, stream, m }: LayerContext,
  qkv: GpuTensor,
  { rawQk }: Pick<LayerActivations, 'rawQk'>,
  direction: 'forward' | 'backward',
): void {
  const { headCount: heads, kvHeadCount: kvHeads, headSize, rmsNormEps } = config;
  const { recorder } = gpu;
  const stride = widths(config).qkv;
  const { qkNorm } = weights;
  if (qkNorm === null || rawQk === undefined) {
    const size = { m, heads: heads + kvHeads, headSize, stride };
    rope(recorder, qkv, ropeTable, stream.positions, size, direction);
    return;
  }
  const { rowThreads } = rowLayout(gpu, config, m);
  const size = { m, heads, kvHeads, headSize, stride, rowThreads, eps: rmsNormEps };
  const step = direction === 'forward' ? qkNormRope : qkNormRopeDx;
  step(recorder, { qkv, raw: rawQk, w: qkNorm, table: ropeTable, positions: stream.positions }, size);
}

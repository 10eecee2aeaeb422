/**
 * Every kernel text that the engine can make, by the kind of adapter that it makes it for: all operations are called, with
 * shapes that reach every tile, on a recorder that only listens. No GPU is needed.
 */
import type { GpuTensor } from '../../src/device/gpu-memory.ts';
import type { Kernel } from '../../src/device/kernel.ts';
import { wideRows, type MatmulVariant, type MatrixUnit, type Recorder } from '../../src/device/recorder.ts';
import { adamw, gradNorm } from '../../src/kernels/adamw.ts';
import { attentionDx } from '../../src/kernels/attention-backward.ts';
import { attention, storeKv } from '../../src/kernels/attention.ts';
import { crossEntropy, targetLogProbs } from '../../src/kernels/cross-entropy.ts';
import { dropout } from '../../src/kernels/dropout.ts';
import { addFingerprint } from '../../src/kernels/fingerprint.ts';
import { linear, linearDx } from '../../src/kernels/matmul.ts';
import { outerSum } from '../../src/kernels/outer-sum.ts';
import { qkNormRope, qkNormRopeDx } from '../../src/kernels/qk-norm-rope.ts';
import { quantise } from '../../src/kernels/quantise.ts';
import { rmsNorm, rmsNormDx } from '../../src/kernels/rms-norm.ts';
import { rope } from '../../src/kernels/rope.ts';
import { gatherRows, gatherWeights, scatterRows } from '../../src/kernels/rows.ts';
import { sampleTokens } from '../../src/kernels/sample.ts';
import { swiglu, swigluDx } from '../../src/kernels/swiglu.ts';
import {
  asMatrix,
  weightFormats,
  type WeightFormat,
  type WeightMatrix,
} from '../../src/kernels/weight-matrix.ts';
import { halfCandidates } from '../../src/self-test/precision.ts';
import { candidates } from '../../src/self-test/tuner.ts';

/** A kind of adapter: what it lists, and whether it computes on the processor. */
interface AdapterKind {
  readonly isSoftware: boolean;
  readonly features: readonly ('subgroups' | 'shader-f16' | 'chromium-experimental-subgroup-matrix')[];
  /** Threads per subgroup. */
  readonly subgroupSize?: number;
  readonly matrixUnits?: readonly MatrixUnit[];
}

const units = (m: number, n: number, k: number, lanes: number): MatrixUnit[] => [{ m, n, k, lanes }];
const all = ['subgroups', 'shader-f16', 'chromium-experimental-subgroup-matrix'] as const;

export const adapterKinds = {
  'software, no features': { isSoftware: true, features: [] },
  'software, shader-f16': { isSoftware: true, features: ['shader-f16'] },
  'software, subgroups of 4': { isSoftware: true, features: ['subgroups'], subgroupSize: 4 },
  'software, subgroups of 8 and shader-f16': {
    isSoftware: true,
    features: ['subgroups', 'shader-f16'],
    subgroupSize: 8,
  },
  'card, no features': { isSoftware: false, features: [] },
  'card, shader-f16': { isSoftware: false, features: ['shader-f16'] },
  'card, subgroups of 8': { isSoftware: false, features: ['subgroups'], subgroupSize: 8 },
  'card, subgroups of 32 and shader-f16': {
    isSoftware: false,
    features: ['subgroups', 'shader-f16'],
    subgroupSize: 32,
  },
  'card, matrices of 16×16×16 (NVIDIA)': {
    isSoftware: false,
    features: all,
    subgroupSize: 32,
    matrixUnits: units(16, 16, 16, 32),
  },
  'card, matrices of 8×8×8 (Apple, lavapipe)': {
    isSoftware: false,
    features: all,
    subgroupSize: 32,
    matrixUnits: units(8, 8, 8, 32),
  },
} as const satisfies Record<string, AdapterKind>;
export type AdapterKindName = keyof typeof adapterKinds;

const limits = { maxComputeWorkgroupStorageSize: 65_536, maxComputeInvocationsPerWorkgroup: 1024 };
const mostLanes = 16; // device/open-device.ts

/** The kernels that the engine makes for such an adapter, by key. */
export function kernelsFor(name: AdapterKindName): ReadonlyMap<string, Kernel> {
  const kind: AdapterKind = adapterKinds[name];
  const { isSoftware, subgroupSize: size } = kind;
  const gpu = {
    subgroups: size === undefined ? null : { min: size, max: size },
    matrixUnits: kind.matrixUnits ?? [],
    device: { limits, features: new Set<string>(kind.features) } as unknown as GPUDevice,
    recorder: { isSoftware } as Recorder,
  };
  const heard = new Map<string, Kernel>();
  const setting = { isSoftware, panel: null, lanes: 1 };
  const tuned = [...candidates(gpu), ...halfCandidates(gpu)];
  const wide = isSoftware
    ? tuned.filter(({ quads }) => quads).map((one) => ({ ...one, rows: wideRows }))
    : [];
  for (const matmul of [...tuned, ...wide]) {
    for (const panel of [null, tensor(16 << 20)]) {
      const recorder = listening({ ...setting, matmul, panel }, heard);
      products(recorder);
      outerSums(recorder);
    }
    for (const lanes of isSoftware || size === undefined ? [1] : [1, Math.min(mostLanes, size)])
      attentions(listening({ ...setting, matmul, lanes }, heard));
    rowwise(listening({ ...setting, matmul }, heard));
  }
  return heard;
}

interface Setting {
  readonly isSoftware: boolean;
  readonly matmul: MatmulVariant;
  readonly panel: GpuTensor | null;
  readonly lanes: number;
}

function listening(setting: Setting, heard: Map<string, Kernel>): Recorder {
  const nothing = (): void => undefined;
  return {
    ...setting,
    rowScales: tensor(1 << 20),
    flopsPerSecond: 1e12,
    dispatch: (kernel: Kernel) => void heard.set(kernel.key, kernel),
    copy: nothing,
    clear: nothing,
    submit: nothing,
  } as unknown as Recorder;
}

/** Kernels are told of tensors by their size only. */
const tensor = (byteSize: number): GpuTensor =>
  ({
    id: 0,
    label: '',
    byteOffset: 0,
    byteSize,
    shape: [byteSize / 4],
    dtype: 'f32',
  }) as unknown as GpuTensor;
const x = tensor(1 << 20);

const codedMatrix = (format: WeightFormat, rows: number, columns: number): WeightMatrix =>
  format === 'f32'
    ? asMatrix(x, rows, columns)
    : {
        format,
        rows,
        columns,
        blocks: [{ firstRow: 0, rows, data: x, scales: format === 'f16' ? null : x }],
      };

const streamRows = [1, 2, 3, 4, 8, 16, 17, 33, 130];
const widths = [4, 8, 12, 16, 20, 68, 1028];
const headSizes = [16, 32, 40, 48, 64, 72, 80, 96, 128, 192, 256];
const ranks = [4, 8, 12, 16, 20, 32, 36, 64, 128];

function products(recorder: Recorder): void {
  for (const format of weightFormats) {
    for (const n of [...widths, 40_000])
      for (const k of n > 2000 ? [64] : widths)
        for (const m of streamRows) {
          const matrix = codedMatrix(format, n, k);
          linear(recorder, x, matrix, x, { m, n, k });
          linearDx(recorder, x, matrix, x, { m, n, k });
        }
    quantise(recorder, x, { rows: 8, columns: 64 }, codedMatrix(format, 8, 64), 0);
    gatherWeights(recorder, codedMatrix(format, 8, 64), x, x, 3);
  }
}

function attentions(recorder: Recorder): void {
  for (const headSize of headSizes) {
    const shape = { heads: 4, kvHeads: 2, headSize };
    const stride = 8 * headSize;
    const layout = { stride, k: 4 * headSize, v: 6 * headSize };
    const tensors = { q: x, qStride: stride, kv: x, layout, ranges: x, o: x, lse: x };
    for (const sharesKeys of [true, false]) attention(recorder, tensors, 70, shape, sharesKeys);
    const gradients = { qkv: x, ranges: x, segmentEnds: x, o: x, lse: x, dO: x, delta: x, dQkv: x };
    attentionDx(recorder, gradients, 70, shape);
    storeKv(recorder, x, x, x, 70, shape);
    rope(recorder, x, x, x, { m: 70, heads: 6, headSize, stride }, 'forward');
  }
}

function rowwise(recorder: Recorder): void {
  for (const rowThreads of [1, 64] as const) {
    const layout = { rows: 3, width: 30, stride: 32, rowThreads };
    rmsNorm(recorder, x, x, x, layout, 1e-6);
    rmsNormDx(recorder, x, x, x, x, layout, 1e-6);
    const heads = { m: 3, heads: 4, kvHeads: 2, headSize: 64, stride: 512, rowThreads, eps: 1e-6 };
    const tensors = { qkv: x, kept: x, table: x, positions: x, qWeight: x, kWeight: x, source: x, out: x };
    qkNormRope(recorder, tensors as unknown as Parameters<typeof qkNormRope>[1], heads);
    qkNormRopeDx(recorder, tensors as unknown as Parameters<typeof qkNormRopeDx>[1], heads);
    const targets = { rows: 3, vocab: 30, stride: 32, firstRow: 0, firstLogProb: 0, rowThreads };
    targetLogProbs(recorder, x, x, x, targets);
    crossEntropy(recorder, x, x, x, x, targets);
  }
  for (const rowThreads of [8, 64] as const)
    for (const [temperature, topP] of [
      [0, 1],
      [1, 1],
      [1, 0.9],
    ])
      sampleTokens(
        recorder,
        x,
        x,
        x,
        { rows: 3, vocab: 30, stride: 32, outStride: 4, step: 0, rowThreads },
        { temperature, topP, seed: 1 },
      );
  gatherRows(recorder, x, x, x, { rows: 3, stride: 32 });
  scatterRows(recorder, x, x, x, { rows: 3, stride: 32 });
  swiglu(recorder, x, x, { m: 3, f: 32 });
  swigluDx(recorder, x, x, { m: 3, f: 32 });
  for (const accumulate of [true, false]) dropout(recorder, x, x, 64, 0.1, 1, accumulate);
  addFingerprint(recorder, x, x, { seed: 1, firstWord: 0 });
  gradNorm(recorder, x, x, x, 64, 1);
  const step = { learningRate: 1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, step: 1 };
  adamw(recorder, x, x, x, x, x, 64, step);
}

function outerSums(recorder: Recorder): void {
  for (const narrow of ranks)
    for (const wide of widths)
      for (const transposed of [true, false])
        for (const m of [3, 70, 513]) {
          const side = (stride: number) => ({ tensor: x, stride, column: 0 });
          const size = { m, narrow, wide, dStride: transposed ? narrow : wide, transposed };
          outerSum(recorder, side(narrow), side(wide), x, size);
        }
}

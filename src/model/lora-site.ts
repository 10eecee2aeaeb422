/**
 * Forward and backward of the adapters at one linear site. Adapters of a site share its input (q, k, v; gate, up):
 *
 *   low[M, S·R] = x · Aᵀ                       one product for all S adapters of a group
 *   y[:, s]    += scale · low_s · B_sᵀ         inside the frozen product (kernels/matmul.ts)
 *   du_s        = scale · dy[:, s] · B_s       linearDx on column ranges
 *   dB_s       += scale · dy[:, s]ᵀ · low_s    outerSum, transposed
 *   dA         += duᵀ · x                      outerSum
 *   dx         += du · A                       inside the frozen product; by itself under dropout
 */
import type { Gpu } from '../device/open-device.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { dropout } from '../kernels/dropout.ts';
import { linear, linearDx, type LoraBackward, type LoraForward } from '../kernels/matmul.ts';
import { outerSum } from '../kernels/outer-sum.ts';
import type { Site } from '../architecture/modules.ts';
import type { Adapter, GroupTensors } from './adapter.ts';

/** How an adapter takes part in a pass. `dropoutSeed` is set in training only; it changes with every micro-batch. */
export interface AdapterUse {
  readonly adapter: Adapter;
  /** What its part of the forward is multiplied by, beside its own scaling; absent in training: 1. */
  readonly strength?: number;
  readonly dropoutSeed: number | null;
  /** [M, widest input]; needed only with dropout. */
  readonly dropped: GpuTensor | null;
}

/** The input the group's A sees: x itself, or x with this group's dropout mask. */
function loraInput(
  gpu: Gpu,
  { adapter, dropoutSeed, dropped }: AdapterUse,
  group: GroupTensors,
  x: GpuTensor,
  m: number,
): GpuTensor {
  const p = adapter.settings.loraDropout;
  if (p === 0 || dropoutSeed === null || dropped === null) return x;
  dropout(gpu.recorder, x, dropped, m * group.inWidth, p, maskSeed(dropoutSeed, group), false);
  return dropped;
}
const maskSeed = (seed: number, group: GroupTensors): number =>
  (seed + Math.imul(group.index + 1, 0x9e3779b1)) >>> 0;

/** low columns of each group: groups of one site lie side by side. */
function lowColumns(groups: readonly GroupTensors[]): {
  readonly stride: number;
  readonly columns: readonly number[];
} {
  const columns: number[] = [];
  let stride = 0;
  for (const group of groups) {
    columns.push(stride);
    stride += group.lowWidth;
  }
  return { stride, columns };
}

/** Computes low = x · Aᵀ, which the backward needs too, and says what the frozen product has to add. */
export function loraForward(
  gpu: Gpu,
  use: AdapterUse | null,
  layer: number,
  site: Site,
  x: GpuTensor, // [M, inWidth]
  low: GpuTensor, // [M, sum of lowWidth]
  m: number,
): LoraForward | null {
  const groups = use?.adapter.groupsAt(layer, site) ?? [];
  if (use === null || groups.length === 0) return null;
  const { stride, columns } = lowColumns(groups);
  groups.forEach((group, g) => {
    const input = loraInput(gpu, use, group, x, m);
    const size = { m, n: group.lowWidth, k: group.inWidth };
    linear(gpu.recorder, input, group.a, low, size, { yStride: stride, yColumn: columns[g] });
  });
  return {
    low,
    lowStride: stride,
    lowColumn: 0,
    b: use.adapter.parameters,
    slots: groups.flatMap(({ parts }) => parts),
    rank: use.adapter.plan.rank,
    scale: use.adapter.scaling * (use.strength ?? 1),
  };
}

interface LoraBackwardTensors {
  readonly x: GpuTensor; // the forward's input [M, inWidth]
  readonly dy: GpuTensor; // [M, yStride]
  readonly low: GpuTensor; // of the forward
  readonly dLow: GpuTensor; // scratch
}

/**
 * Adds dA and dB of the site's adapters into the flat gradients. Returns what the frozen product has to add for the
 * input's gradient, or null where there is nothing or dropout calls for `loraDropoutDx`.
 */
export function loraBackward(
  gpu: Gpu,
  use: AdapterUse,
  { layer, site }: { readonly layer: number; readonly site: Site },
  { x, dy, low, dLow }: LoraBackwardTensors,
  { m, yStride }: { readonly m: number; readonly yStride: number },
): LoraBackward | null {
  const { recorder } = gpu;
  const { adapter } = use;
  const groups = adapter.groupsAt(layer, site);
  const { stride, columns } = lowColumns(groups);
  const { rank } = adapter.plan;
  groups.forEach((group, g) => {
    group.parts.forEach((part, i) => {
      const lowSide = { tensor: low, stride, column: columns[g] + part.slot * rank };
      const dySide = { tensor: dy, stride: yStride, column: part.column };
      linearDx(
        recorder,
        dy,
        group.b[i],
        dLow,
        { m, n: part.width, k: rank },
        {
          dyStride: yStride,
          dyColumn: part.column,
          dxStride: stride,
          dxColumn: columns[g] + part.slot * rank,
          scale: adapter.scaling,
        },
      );
      outerSum(
        recorder,
        lowSide,
        dySide,
        group.dB[i],
        { m, narrow: rank, wide: part.width, dStride: rank, transposed: true },
        adapter.scaling,
      );
    });
    const input = loraInput(gpu, use, group, x, m);
    outerSum(
      recorder,
      { tensor: dLow, stride, column: columns[g] },
      { tensor: input, stride: group.inWidth, column: 0 },
      group.dA,
      { m, narrow: group.lowWidth, wide: group.inWidth, dStride: group.inWidth },
    );
  });
  const [only] = groups;
  if (groups.length !== 1 || hasDropout(use)) return null;
  return { du: dLow, a: only.a, width: only.lowWidth };
}

const hasDropout = ({ adapter, dropoutSeed, dropped }: AdapterUse): boolean =>
  adapter.settings.loraDropout > 0 && dropoutSeed !== null && dropped !== null;

/** Under dropout the update's part of the input gradient goes through each adapter's own mask. Adds into dx. */
export function loraDropoutDx(
  gpu: Gpu,
  use: AdapterUse,
  layer: number,
  site: Site,
  dx: GpuTensor, // [M, inWidth]
  dLow: GpuTensor,
  m: number,
): void {
  const { adapter, dropoutSeed, dropped } = use;
  if (dropoutSeed === null || dropped === null || adapter.settings.loraDropout === 0) return;
  const groups = adapter.groupsAt(layer, site);
  const { stride, columns } = lowColumns(groups);
  groups.forEach((group, g) => {
    const size = { m, n: group.lowWidth, k: group.inWidth };
    linearDx(gpu.recorder, dLow, group.a, dropped, size, { dyStride: stride, dyColumn: columns[g] });
    const seed = maskSeed(dropoutSeed, group);
    dropout(gpu.recorder, dropped, dx, m * group.inWidth, adapter.settings.loraDropout, seed, true);
  });
}

/** Forward and backward of the adapters at one linear site: the formulas are in kernels/lora.ts. */
import type { Gpu } from '../device/open-device.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { dropout } from '../kernels/dropout.ts';
import { loraDu, loraUp } from '../kernels/lora.ts';
import { linear, linearDx, outerSum } from '../kernels/matmul.ts';
import type { Adapter, GroupTensors, Site } from './adapter.ts';

/** How an adapter takes part in a pass. `dropoutSeed` is set in training only; it changes with every micro-batch. */
export interface AdapterUse {
  readonly adapter: Adapter;
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

/** y += scaling · (x · Aᵀ) · Bᵀ for every adapter of the site; keeps x · Aᵀ in `low`. */
export function loraForward(
  gpu: Gpu,
  use: AdapterUse,
  layer: number,
  site: Site,
  x: GpuTensor, // [M, inWidth]
  y: GpuTensor, // [M, yStride]
  low: GpuTensor, // [M, sum of lowWidth]
  m: number,
  yStride: number,
): void {
  const groups = use.adapter.groupsAt(layer, site);
  const { stride, columns } = lowColumns(groups);
  const { rank } = use.adapter.plan;
  groups.forEach((group, g) => {
    const input = loraInput(gpu, use, group, x, m);
    const column = columns[g];
    linear(
      gpu.recorder,
      input,
      group.a,
      low,
      { m, n: group.lowWidth, k: group.inWidth },
      { yStride: stride, yColumn: column },
    );
    group.parts.forEach((part, i) => {
      const size = { m, r: rank, lowStride: stride, lowColumn: column + part.slot * rank, yStride };
      loraUp(gpu.recorder, low, group.b[i], y, size, part, use.adapter.scaling);
    });
  });
}

/** Adds dA and dB of the site's adapters into the flat gradients, and their part of the input gradient into dx. */
export function loraBackward(
  gpu: Gpu,
  use: AdapterUse,
  layer: number,
  site: Site,
  x: GpuTensor, // the forward's input [M, inWidth]
  dy: GpuTensor, // [M, yStride]
  dx: GpuTensor | null, // [M, inWidth]; null where nobody needs it
  low: GpuTensor,
  dLow: GpuTensor, // scratch
  m: number,
  yStride: number,
): void {
  const { recorder } = gpu;
  const { adapter, dropoutSeed, dropped } = use;
  const groups = adapter.groupsAt(layer, site);
  const { stride, columns } = lowColumns(groups);
  const { rank } = adapter.plan;
  groups.forEach((group, g) => {
    const column = columns[g];
    group.parts.forEach((part, i) => {
      const b = group.b[i];
      const duSize = { m, r: rank, duStride: group.lowWidth, duColumn: part.slot * rank, dyStride: yStride };
      loraDu(recorder, dy, b, dLow, duSize, part, adapter.scaling);
      outerSum(
        recorder,
        dy,
        low,
        group.dB[i],
        { m, p: part.width, q: rank },
        {
          scale: adapter.scaling,
          aStride: yStride,
          aColumn: part.column,
          bStride: stride,
          bColumn: column + part.slot * rank,
        },
      );
    });
    const input = loraInput(gpu, use, group, x, m);
    outerSum(recorder, dLow, input, group.dA, { m, p: group.lowWidth, q: group.inWidth });
    if (dx === null) return;
    const size = { m, n: group.lowWidth, k: group.inWidth };
    if (input === x || dropped === null || dropoutSeed === null) {
      linearDx(recorder, dLow, group.a, dx, size, { accumulate: true });
    } else {
      linearDx(recorder, dLow, group.a, dropped, size);
      dropout(
        recorder,
        dropped,
        dx,
        m * group.inWidth,
        adapter.settings.loraDropout,
        maskSeed(dropoutSeed, group),
        true,
      );
    }
  });
}

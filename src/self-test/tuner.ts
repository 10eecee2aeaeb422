/**
 * Chooses the variant of the matrix products by proof and measurement: each candidate must compute what plain loops
 * compute, then the fastest wins. A few dozen milliseconds, plus compilation; the choice is remembered per GPU.
 *
 * Variants in registers add in the same order, so that choosing among them changes no bit; graphics cards have others, which add
 * in another. A choice is remembered per GPU, so the same GPU goes on with the same one.
 */
import { linear, linearDx } from '../kernels/matmul.ts';
import { quadSize } from '../kernels/quad.ts';
import { linearReference } from '../kernels/reference/linear.ts';
import { createRng } from '../support/rng.ts';
import type { NoteStore } from '../host/host.ts';
import type { Gpu } from '../device/open-device.ts';
import { plainMatmul, type MatmulVariant } from '../device/recorder.ts';

/** Changes when the kernels do: an old choice says nothing about new code. */
const tuningVersion = 5;
export const TOLERANCE = 1e-4; // 76-term float32 dot products of values in [-1, 1]
/** A later candidate must be this much faster: measurements are noisy, and choices should not wander. */
const advantage = 1.1;

export interface Tuning {
  readonly variant: MatmulVariant;
  readonly flopsPerSecond: number;
}

/** Variants this device could run, the expected best first; f16 is opt-in and not among them. */
export function candidates({ subgroups, recorder }: Pick<Gpu, 'subgroups' | 'recorder'>): MatmulVariant[] {
  const found: MatmulVariant[] = [];
  const { isSoftware } = recorder;
  if (subgroups !== null && subgroups.min >= quadSize) {
    found.push({ ...plainMatmul, quads: true, rows: 16 });
  }
  if (!isSoftware) found.unshift({ ...plainMatmul, workgroup: true });
  return [...found, plainMatmul];
}

/** Sets the recorder's variant. @throws TrainerError as the device does when it fails meanwhile. */
export async function tune(gpu: Gpu, store: NoteStore | null): Promise<MatmulVariant> {
  const key = `tuning ${tuningVersion} ${gpu.report.gpu} ${gpu.report.features.join(',')}`;
  const known = parseVariant((await store?.read(key).catch(() => null)) ?? null, candidates(gpu));
  const variant = known ?? (await fastest(gpu, candidates(gpu), TOLERANCE))?.variant ?? plainMatmul;
  if (known === null) await store?.write(key, JSON.stringify(variant)).catch(() => undefined);
  gpu.recorder.matmul = variant;
  return variant;
}

/** A remembered choice, if it is one this device could make. */
function parseVariant(text: string | null, possible: readonly MatmulVariant[]): MatmulVariant | null {
  return possible.find((candidate) => JSON.stringify(candidate) === text) ?? null;
}

/** How fast this GPU is now, for the recorder: not remembered, for the machine may have been busy then. */
export async function measureSpeed(gpu: Gpu): Promise<void> {
  const { recorder } = gpu;
  recorder.flopsPerSecond = await speed(gpu);
  recorder.bytesPerSecond = await copySpeed(gpu);
}

/** Of the variants that compute what they should; null: none does. The recorder's own is plain afterwards. */
export async function fastest(
  gpu: Gpu,
  variants: readonly MatmulVariant[],
  tolerance: number,
): Promise<Tuning | null> {
  let best: Tuning | null = null;
  for (const variant of variants) {
    gpu.recorder.matmul = variant;
    if (!((await errorOrRefusal(gpu)) <= tolerance)) continue;
    const flopsPerSecond = await speed(gpu);
    if (best === null || flopsPerSecond > best.flopsPerSecond * advantage) best = { variant, flopsPerSecond };
    // Sharing loads has won in every software implementation so far, and each candidate takes seconds to compile there.
    if (gpu.recorder.isSoftware) break;
  }
  gpu.recorder.matmul = plainMatmul;
  return best;
}

/** Infinite where the driver refuses the variant's code: it is passed over, and the device is as healthy as before. */
async function errorOrRefusal(gpu: Gpu): Promise<number> {
  const filters = ['validation', 'internal'] as const;
  for (const filter of filters) gpu.device.pushErrorScope(filter);
  const error = await largestError(gpu).catch(() => Infinity);
  const refusals = await Promise.all(filters.map(() => gpu.device.popErrorScope()));
  gpu.assertHealthy();
  return refusals.every((refusal) => refusal === null) ? error : Infinity;
}

const small = { m: 128, n: 256, k: 256 };
/** Enough tiles for every processor of a large card, in a few milliseconds. */
const large = { m: 512, n: 2048, k: 2048 };
const worthLargeFlops = 2e11;

async function speed(gpu: Gpu): Promise<number> {
  const found = await speedOf(gpu, small);
  return found < worthLargeFlops ? found : speedOf(gpu, large);
}

/** FLOPs a second of forward and dx. */
async function speedOf({ memory, recorder, waits }: Gpu, shape: typeof small): Promise<number> {
  const { m, n, k } = shape;
  const [x, w, y] = [memory.alloc('x', [m, k]), memory.alloc('w', [n, k]), memory.alloc('y', [m, n])];
  const products = (): void => {
    linear(recorder, x, w, y, shape);
    linearDx(recorder, y, w, x, shape);
  };
  try {
    await recorder.prepare(products);
    return (4 * m * n * k) / (await bestSeconds({ recorder, waits }, products));
  } finally {
    recorder.forgetBindGroups();
    memory.dispose([x, w, y]);
  }
}

/** Larger than the caches of most, small enough for every GPU. */
const copiedBytes = 32 * 2 ** 20;

async function copySpeed({ memory, recorder, waits }: Gpu): Promise<number> {
  const count = copiedBytes / 4;
  const [from, to] = [memory.alloc('copied', [count]), memory.alloc('copy', [count])];
  try {
    const copy = (): void => recorder.copy(from, 0, to, 0, count);
    return (2 * copiedBytes) / (await bestSeconds({ recorder, waits }, copy));
  } finally {
    memory.dispose([from, to]);
  }
}

/** Of `work`, the best of a few goes. */
async function bestSeconds(
  { recorder, waits }: Pick<Gpu, 'recorder' | 'waits'>,
  work: () => void,
): Promise<number> {
  let repeats = 2;
  let best = Infinity;
  const enoughMs = waits.areNudged ? 50 : 10; // an end that is looked for every 4 ms is known to 4 ms
  for (let go = 0; go < 5; go++) {
    const started = performance.now();
    for (let i = 0; i < repeats; i++) work();
    recorder.submit();
    await waits.workDone();
    const ms = performance.now() - started;
    if (go > 0) best = Math.min(best, ms / repeats); // the first go warms up
    if (go > 0 && ms < enoughMs) repeats *= 4; // a fast GPU must be given enough to do
  }
  return best / 1000;
}

/** Of both products with the present variant, against plain loops in float64, at a size that fits no tile. */
export async function largestError({ memory, recorder }: Gpu): Promise<number> {
  const rng = createRng(7);
  const size = { m: 37, n: 68, k: 76 };
  const { m, n, k } = size;
  const random = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => rng.next() * 2 - 1);
  const [x, w, dy] = [random(m * k), random(n * k), random(m * n)];
  const tensors = {
    x: memory.from('self-test x', [m, k], x),
    w: memory.from('self-test w', [n, k], w),
    dy: memory.from('self-test dy', [m, n], dy),
    y: memory.alloc('self-test y', [m, n]),
    dx: memory.alloc('self-test dx', [m, k]),
  };
  const products = (): void => {
    linear(recorder, tensors.x, tensors.w, tensors.y, size);
    linearDx(recorder, tensors.dy, tensors.w, tensors.dx, size);
  };
  try {
    await recorder.prepare(products);
    products();
    recorder.submit();
    return Math.max(
      distance(await memory.readFloat32(tensors.y), linearReference.forward(x, w, size)),
      distance(await memory.readFloat32(tensors.dx), linearReference.dx(dy, w, size)),
    );
  } finally {
    recorder.forgetBindGroups();
    memory.dispose(Object.values(tensors));
  }
}

/** Largest |a − b|; NaN where a has one. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs((a[i] ?? Number.NaN) - b[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

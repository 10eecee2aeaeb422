/**
 * `precision: f16`: products of frozen weights multiply halves and add in float32, on the GPU's matrix units where it has
 * them, else from tiles in workgroup memory. The variants prove themselves and are measured when first asked for; between
 * runs everything is float32.
 */
import { TrainerError } from '../support/trainer-error.ts';
import type { Gpu } from '../device/open-device.ts';
import { plainMatmul, type MatmulVariant, type MatrixTile } from '../device/recorder.ts';
import { matrixThreads, matrixWorkgroupBytes } from '../kernels/matmul-matrix.ts';
import { fastest, type Tuning } from './tuner.ts';

export type Precision = 'f32' | 'f16';

/**
 * Of 76-term products of values in [-1, 1] whose operands keep 11 bits: each factor is off by up to 2^-12, so a term by
 * 5e-4 and a sum of random signs by 4e-3 at most. A wrong row or column is off by whole numbers.
 */
const halfTolerance = 1e-2;

/** Rows of a product that may have a scale: more are computed in float32. */
export const mostScaledRows = 65_536;

/** Of a subgroup: more fill the registers, and the code takes minutes to compile where matrices are loops. */
const mostAccumulators = 8;

/** Outputs of a workgroup and its subgroups, to choose from: much reuse for large products, many workgroups for small. */
const tileChoices = [
  { rows: 128, columns: 128, subgroupRows: 64, subgroupColumns: 32 },
  { rows: 128, columns: 64, subgroupRows: 32, subgroupColumns: 32 },
  { rows: 64, columns: 64, subgroupRows: 32, subgroupColumns: 32 },
  { rows: 64, columns: 64, subgroupRows: 32, subgroupColumns: 16 },
  { rows: 32, columns: 32, subgroupRows: 16, subgroupColumns: 16 },
];

/** Tiles of matrix units that this GPU can run. */
export function matrixTiles({ matrixUnits, device }: Pick<Gpu, 'matrixUnits' | 'device'>): MatrixTile[] {
  const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup } = device.limits;
  const unit = matrixUnits.find(({ m, n, k }) => 16 % m === 0 && 16 % n === 0 && 32 % k === 0);
  if (unit === undefined || !device.features.has('shader-f16')) return [];
  return tileChoices
    .map((choice) => ({ ...unit, ...choice }))
    .filter((tile) => (tile.subgroupRows * tile.subgroupColumns) / (unit.m * unit.n) <= mostAccumulators)
    .filter((tile) => matrixThreads(tile) <= maxComputeInvocationsPerWorkgroup)
    .filter((tile) => matrixWorkgroupBytes(tile) <= maxComputeWorkgroupStorageSize);
}

/** Variants in half precision that this GPU could run, the expected best first. */
export function halfCandidates(gpu: Pick<Gpu, 'matrixUnits' | 'device' | 'recorder'>): MatmulVariant[] {
  if (!gpu.device.features.has('shader-f16')) return [];
  const halves = { ...plainMatmul, workgroup: true, f16: true };
  // where matrices are loops they are slower than any loop, and compile for a minute each
  const tiles = gpu.recorder.isSoftware ? [] : matrixTiles(gpu);
  return [...tiles.map((matrix) => ({ ...halves, matrix })), halves];
}

const tuned = new WeakMap<GPUDevice, Promise<Tuning | null>>();

/** The fastest variant in half precision, found once; null: this GPU has none that computes what it should. */
export function tuneHalves(gpu: Gpu): Promise<Tuning | null> {
  const known = tuned.get(gpu.device);
  if (known !== undefined) return known;
  const measured = withScales(gpu, () => fastest(gpu, halfCandidates(gpu), halfTolerance));
  tuned.set(gpu.device, measured);
  return measured;
}

/** `work` with the products of the asked precision. @throws TrainerError "config-invalid" where the GPU has none in f16. */
export async function inPrecision<T>(gpu: Gpu, precision: Precision, work: () => Promise<T>): Promise<T> {
  if (precision === 'f32') return work();
  const tuning = await tuneHalves(gpu);
  if (tuning === null)
    throw new TrainerError(
      'config-invalid',
      'precision is f16, but this GPU has no half precision that computes what it should (the WebGPU feature shader-f16). Set precision to f32.',
    );
  return withScales(gpu, () => {
    gpu.recorder.matmul = tuning.variant;
    gpu.recorder.flopsPerSecond = tuning.flopsPerSecond;
    return work();
  });
}

/** The recorder as it was afterwards, whatever `work` makes of it. */
async function withScales<T>({ memory, recorder }: Gpu, work: () => Promise<T>): Promise<T> {
  const { matmul, flopsPerSecond, rowScales } = recorder;
  const scales = memory.alloc('scales of rows', [mostScaledRows]);
  recorder.rowScales = scales;
  try {
    return await work();
  } finally {
    Object.assign(recorder, { matmul, flopsPerSecond, rowScales });
    recorder.forgetBindGroups();
    memory.dispose([scales]);
  }
}

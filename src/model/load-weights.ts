/**
 * Filling the weights on the GPU: checkpoint tensors are streamed in ranges of rows and quantised there as they arrive, or
 * a copy that was kept is uploaded as it is.
 */
import { TrainerError } from '../support/trainer-error.ts';
import type { SafetensorsFile } from '../adapter/safetensors.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import type { Gpu } from '../device/open-device.ts';
import { quantise } from '../kernels/quantise.ts';
import type { WeightFormat, WeightMatrix } from '../kernels/weight-matrix.ts';
import type { MatrixPlan, VectorPlan } from './layer-plan.ts';
import type { ModelConfig } from './model-config.ts';
import { allocateWeights, namedTensors, parametersOf, type Weights } from './weights.ts';

/** A tensor where it lies: the name in the file may be another than the model's. */
export interface FoundTensor {
  readonly file: Pick<SafetensorsFile, 'readFloat32'>;
  readonly name: string;
  readonly shape: readonly number[];
}
/** One tensor of the model, wherever its shard is. */
export type TensorLookup = (name: string) => FoundTensor | undefined;

/** Where the values come from: a checkpoint, or a copy of `named` that was kept. */
export type WeightSource =
  | { readonly kind: 'checkpoint'; readonly lookup: TensorLookup }
  | { readonly kind: 'copy'; readonly read: (name: string) => Promise<Uint8Array> };

/** Rows read and uploaded at a time: bounds what JavaScript holds. */
const chunkBytes = 16 * 2 ** 20;

/**
 * Reads every weight, a range of rows at a time. Caller disposes `all`.
 * @throws TrainerError "gpu-out-of-memory" before anything is read; "model-file-invalid" for a missing, ill-shaped or
 * non-finite tensor.
 */
export async function loadWeights(
  gpu: Gpu,
  config: ModelConfig,
  format: WeightFormat,
  source: WeightSource,
  onProgress: (doneBytes: number, totalBytes: number) => void, // on the GPU
): Promise<Weights> {
  const { memory } = gpu;
  // In one scope: each is an answer of the GPU's process to be waited for, behind all that it has to copy.
  const { planned, weights } = await memory.checked('the weights of this model', () =>
    allocateWeights(gpu, config, format),
  );
  const named = new Map(planned.flatMap(namedTensors));
  const all = [...named.values(), ...(weights.panel === null ? [] : [weights.panel])];
  const total = sumOf([...named.values()].map(({ byteSize }) => byteSize));
  const room = new Float32Array(chunkBytes / 4); // one for all ranges: nothing is left for a garbage collector to find
  let done = 0;
  try {
    for (const one of planned) {
      const bytesPerParameter =
        sumOf(namedTensors(one).map(([, { byteSize }]) => byteSize)) / parametersOf(one);
      const finished = (parameters: number): void => {
        done += parameters * bytesPerParameter;
        onProgress(Math.round(done), total);
      };
      if (source.kind === 'checkpoint') {
        await (one.kind === 'matrix'
          ? fillMatrix(gpu, one.plan, one.made, source.lookup, room, finished)
          : fillVector(gpu, one.plan, one.made, source.lookup, finished));
        continue;
      }
      for (const [name, tensor] of namedTensors(one))
        memory.write(tensor, wordsOf(name, await source.read(name), tensor));
      finished(parametersOf(one));
    }
    return { ...weights, all, named, parameterCount: sumOf(planned.map(parametersOf)) };
  } catch (error) {
    memory.dispose(all);
    throw error;
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

async function fillMatrix(
  { memory, recorder }: Gpu,
  { columns, parts }: MatrixPlan,
  made: WeightMatrix,
  lookup: TensorLookup,
  room: Float32Array,
  finished: (parameters: number) => void,
): Promise<void> {
  // an even number of rows: a pair shares the word of its scales
  const most = Math.max(2, Math.floor(chunkBytes / (columns * 4) / 8) * 8);
  const staging = memory.alloc('weights on their way', [
    Math.min(most, Math.max(...parts.map((p) => p.rows))),
    columns,
  ]);
  try {
    for (const { name, rows: count, firstRow } of parts) {
      const found = findTensor(lookup, name, [count, columns]);
      for (const [first, end] of rowRanges(made, firstRow, count, most)) {
        const values = await found.file.readFloat32(found.name, [first * columns, end * columns], room);
        assertFinite(name, values);
        memory.write(staging, values);
        quantise(recorder, staging, { rows: end - first, columns }, made, firstRow + first);
        recorder.submit();
      }
      finished(count * columns);
    }
  } finally {
    recorder.forgetBindGroups();
    memory.dispose([staging]);
  }
}

async function fillVector(
  { memory }: Gpu,
  { parts }: VectorPlan,
  made: GpuTensor,
  lookup: TensorLookup,
  finished: (parameters: number) => void,
): Promise<void> {
  for (const { name, rows, firstRow } of parts) {
    const found = findTensor(lookup, name, [rows]);
    const values = await found.file.readFloat32(found.name);
    assertFinite(name, values);
    memory.write(made, values, firstRow);
    finished(rows);
  }
}

/** @throws TrainerError "model-file-invalid" where it is missing or of another shape. */
export function findTensor(lookup: TensorLookup, name: string, wanted: readonly number[]): FoundTensor {
  const found = lookup(name);
  if (found === undefined)
    throw new TrainerError(
      'model-file-invalid',
      `The weights have no tensor "${name}", which config.json calls for.`,
    );
  if (found.shape.join() !== wanted.join()) {
    throw new TrainerError(
      'model-file-invalid',
      `"${name}" has shape [${found.shape.join(', ')}], but config.json calls for [${wanted.join(', ')}].`,
    );
  }
  return found;
}

/** @throws TrainerError "cache-damaged" where a copy is not of this tensor. */
function wordsOf(name: string, bytes: Uint8Array, tensor: GpuTensor): Uint32Array {
  if (bytes.length !== tensor.byteSize)
    throw new TrainerError(
      'cache-damaged',
      `The kept copy of "${name}" has ${bytes.length} bytes, this device holds it in ${tensor.byteSize}.`,
    );
  return new Uint32Array(
    bytes.byteOffset % 4 === 0 ? bytes.buffer : bytes.slice().buffer,
    bytes.byteOffset % 4 === 0 ? bytes.byteOffset : 0,
    bytes.length / 4,
  );
}

/** Ranges of a part's rows that are small enough and do not cross the blocks of the matrix. */
function rowRanges(
  matrix: WeightMatrix,
  firstRow: number,
  count: number,
  most: number,
): (readonly [first: number, end: number])[] {
  const ranges: [number, number][] = [];
  for (const block of matrix.blocks) {
    const from = Math.max(block.firstRow, firstRow) - firstRow;
    const to = Math.min(block.firstRow + block.rows, firstRow + count) - firstRow;
    for (let first = from; first < to; first += most) ranges.push([first, Math.min(to, first + most)]);
  }
  return ranges;
}

function assertFinite(name: string, values: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0; // 0, or NaN for NaN and infinities
  if (sum !== 0) throw new TrainerError('model-file-invalid', `"${name}" holds NaN or infinite values.`);
}

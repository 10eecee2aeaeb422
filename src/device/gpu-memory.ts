/**
 * GPU tensors and their accounting. Every tensor owns one GPUBuffer and is registered with tfjs without a copy,
 * so `tf.memory()` sees everything we hold and tfjs ops can read it.
 */
import { TrainerError } from '../support/trainer-error.ts';
import type { GpuWaits } from './gpu-waits.ts';
import type { TfjsRuntime } from './tfjs.ts';

export type GpuDtype = 'f32' | 'u32' | 'i32';
export type TypedArray = Float32Array | Uint32Array | Int32Array;

/** A dense row-major tensor, or a view into another one's buffer (`owner` is then not this). */
export interface GpuTensor {
  readonly id: number; // identifies buffer + range in caches
  readonly label: string;
  readonly buffer: GPUBuffer;
  readonly byteOffset: number; // a multiple of 256: minStorageBufferOffsetAlignment
  readonly byteSize: number; // a multiple of 4
  readonly shape: readonly number[];
  readonly dtype: GpuDtype;
}

/** What a tensor needs, before it exists: plans add these up, allocation follows them. */
export interface TensorSpec {
  readonly label: string;
  readonly shape: readonly number[];
  readonly dtype?: GpuDtype; // f32
}

/** Bytes of the buffer of a tensor: whole vec4s. */
export const specBytes = ({ shape }: Pick<TensorSpec, 'shape'>): number =>
  Math.max(16, Math.ceil((sizeOf(shape) * 4) / 16) * 16);

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** What is left of a GPU's memory is measured to this. */
const finestBytes = 2 ** 20;

/** What is written to a GPU or read from it at once, in values of 4 bytes. */
const pieceElements = 2 ** 22;

export class GpuMemory {
  readonly #device: GPUDevice;
  readonly #tfjs: TfjsRuntime;
  readonly #waits: GpuWaits;
  readonly #owned = new Map<number, { readonly tensor: GpuTensor; readonly tfTensor: { dispose(): void } }>();
  #nextId = 1;
  #bytes = 0;
  #peakBytes = 0;

  constructor(device: GPUDevice, tfjs: TfjsRuntime, waits: GpuWaits) {
    this.#device = device;
    this.#tfjs = tfjs;
    this.#waits = waits;
  }

  get bytes(): number {
    return this.#bytes;
  }
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Zero-filled. Caller disposes. Wrap groups of these in `checked` so that a failed allocation is noticed. */
  alloc(label: string, shape: readonly number[], dtype: GpuDtype = 'f32'): GpuTensor {
    const byteSize = specBytes({ shape });
    const limit = this.maxTensorBytes;
    if (byteSize > limit) {
      throw new TrainerError(
        'gpu-out-of-memory',
        `"${label}" needs one buffer of ${toMB(byteSize)} MB, but this GPU allows ${toMB(limit)} MB. Use a smaller batch size or max length, or a smaller model.`,
      );
    }
    const buffer = this.#device.createBuffer({
      label,
      size: byteSize,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const tensor: GpuTensor = { id: this.#nextId++, label, buffer, byteOffset: 0, byteSize, shape, dtype };
    this.#owned.set(tensor.id, { tensor, tfTensor: this.#tfjs.tensorOf(tensor) });
    this.#bytes += byteSize;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
    return tensor;
  }

  allocSpec({ label, shape, dtype = 'f32' }: TensorSpec): GpuTensor {
    return this.alloc(label, shape, dtype);
  }

  /** The largest tensor this device can hold in one buffer and see in one binding. */
  get maxTensorBytes(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    return Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize, this.tensorLimitBytes) / 16) * 16;
  }
  /** Lower than the device's limits to try what a smaller device does (tests, `--set`). */
  tensorLimitBytes = Infinity;

  from(label: string, shape: readonly number[], data: TypedArray): GpuTensor {
    const dtype = data instanceof Float32Array ? 'f32' : data instanceof Uint32Array ? 'u32' : 'i32';
    const tensor = this.alloc(label, shape, dtype);
    this.write(tensor, data);
    return tensor;
  }

  /** A part of `of`; no memory of its own. `elementOffset` must be a multiple of 64 (256 bytes). */
  view(of: GpuTensor, label: string, elementOffset: number, shape: readonly number[]): GpuTensor {
    const byteOffset = of.byteOffset + elementOffset * 4;
    const byteSize = sizeOf(shape) * 4;
    if (byteOffset % 256 !== 0)
      throw new RangeError(`view "${label}" at ${byteOffset} bytes is not aligned to 256`);
    if (elementOffset * 4 + byteSize > of.byteSize)
      throw new RangeError(`view "${label}" reaches beyond "${of.label}"`);
    return { id: this.#nextId++, label, buffer: of.buffer, byteOffset, byteSize, shape, dtype: of.dtype };
  }

  write(tensor: GpuTensor, data: TypedArray, elementOffset = 0): void {
    if (data.length === 0) return;
    this.#device.queue.writeBuffer(
      tensor.buffer,
      tensor.byteOffset + elementOffset * 4,
      data.buffer,
      data.byteOffset,
      data.byteLength,
    );
  }

  /** As `write`, of much: no more than a piece is on its way at a time, which a browser holds once more until the GPU has it. */
  async writeInPieces(tensor: GpuTensor, data: TypedArray): Promise<void> {
    for (let done = 0; done < data.length; done += pieceElements) {
      if (done > 0) await this.#waits.workDone();
      this.write(tensor, data.subarray(done, done + pieceElements), done);
    }
  }

  dispose(tensors: Iterable<GpuTensor>): void {
    for (const tensor of tensors) {
      const held = this.#owned.get(tensor.id);
      if (held === undefined) continue; // a view
      this.#owned.delete(tensor.id);
      held.tfTensor.dispose();
      tensor.buffer.destroy();
      this.#bytes -= tensor.byteSize;
    }
  }

  /**
   * How many more bytes the device gives, up to `atMost`, by trial: buffers of 64 MiB are made in error scopes until
   * one fails, and released. An upper bound: some systems promise more than they hold.
   */
  async measureRoom(atMost: number): Promise<number> {
    let size = Math.min(64 * 2 ** 20, this.#device.limits.maxBufferSize);
    let room = 0;
    const held: GPUBuffer[] = [];
    try {
      while (room < atMost && size >= finestBytes) {
        this.#device.pushErrorScope('out-of-memory');
        this.#device.pushErrorScope('validation');
        held.push(this.#device.createBuffer({ size, usage: GPUBufferUsage.STORAGE }));
        const problems = [await this.#device.popErrorScope(), await this.#device.popErrorScope()];
        if (problems.every((problem) => problem === null)) room += size;
        else size /= 2;
      }
      return Math.min(room, atMost);
    } finally {
      for (const buffer of held) buffer.destroy();
    }
  }

  resetPeak(): void {
    this.#peakBytes = this.#bytes;
  }

  /** Runs allocations inside error scopes. @throws TrainerError "gpu-out-of-memory"; what was made is disposed. */
  async checked<T>(what: string, allocate: () => T): Promise<T> {
    const before = new Set(this.#owned.keys());
    this.#device.pushErrorScope('out-of-memory');
    this.#device.pushErrorScope('validation');
    let result: T | undefined;
    let thrown: unknown;
    try {
      result = allocate();
    } catch (error) {
      thrown = error;
    }
    const problems = [await this.#device.popErrorScope(), await this.#device.popErrorScope()];
    const problem = problems.find((error) => error !== null) ?? null;
    if (problem === null && thrown === undefined) return result as T;
    this.dispose(
      [...this.#owned.values()].filter(({ tensor }) => !before.has(tensor.id)).map(({ tensor }) => tensor),
    );
    if (thrown !== undefined) throw thrown as Error;
    throw new TrainerError(
      'gpu-out-of-memory',
      `The GPU has no room for ${what}. Use a smaller batch size or max length, or a smaller model.`,
      problem?.message ?? null,
    );
  }

  /**
   * Reads a tensor or a view, or `count` elements of it, back to JS. Waits for everything recorded and submitted before. Nobody may
   * write to a tensor of more than 16 MiB meanwhile: it is read in pieces.
   */
  async readFloat32(tensor: GpuTensor, first?: number, count?: number): Promise<Float32Array> {
    return new Float32Array(await this.#readBytes(tensor, first, count));
  }
  async readUint32(tensor: GpuTensor): Promise<Uint32Array> {
    return new Uint32Array(await this.#readBytes(tensor));
  }

  async #readBytes(tensor: GpuTensor, first = 0, count = sizeOf(tensor.shape) - first): Promise<ArrayBuffer> {
    if ((first + count) * 4 > tensor.byteSize)
      throw new RangeError(`${count} elements from ${first} reach beyond "${tensor.label}"`);
    // A browser holds what is mapped once more, and keeps that memory: large tensors come in pieces.
    const all = new Uint8Array(count * 4);
    for (let done = 0; done < count; done += pieceElements) {
      const end = Math.min(count, done + pieceElements);
      await this.#readPiece(tensor, first + done, all.subarray(done * 4, end * 4));
    }
    return all.buffer;
  }

  /** Fills `bytes` from element `first` on. */
  async #readPiece(tensor: GpuTensor, first: number, bytes: Uint8Array): Promise<void> {
    const size = bytes.length;
    const staging = this.#device.createBuffer({
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(tensor.buffer, tensor.byteOffset + first * 4, staging, 0, size);
    this.#device.queue.submit([encoder.finish()]);
    try {
      await this.#waits.until(staging.mapAsync(GPUMapMode.READ));
      bytes.set(new Uint8Array(staging.getMappedRange()));
    } catch (error) {
      throw new TrainerError(
        'device-lost',
        'The graphics device was lost while reading a result.',
        String(error),
      );
    } finally {
      staging.destroy();
    }
  }
}

const toMB = (bytes: number): string => (bytes / 1e6).toFixed(1);

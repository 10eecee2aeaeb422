/**
 * Records dispatches and submits them in one command buffer.
 *
 * Uniforms of all dispatches go into one buffer with dynamic offsets, uploaded once per submit; pipelines and
 * bind groups are cached, so a repeated step costs a few microseconds per dispatch.
 */
import { TrainerError } from '../support/trainer-error.ts';
import { compileReport } from './compile-report.ts';
import type { GpuTensor } from './gpu-memory.ts';
import { gridRow, type Kernel } from './kernel.ts';

const slotBytes = 256; // minUniformBufferOffsetAlignment
const slotCount = 2048;
const longestDispatchSeconds = 0.5;
const assumedFlopsPerThread = 100; // an operation that names no cost: element by element

/**
 * How a matrix product is computed. Variants in registers add in one order, so that choosing among them changes no bit; those
 * with `workgroup`, `f16` or `matrix` add or round otherwise, within the tolerance of the self-test.
 */
export interface MatmulVariant {
  /** The four threads of a quad share the rows they load (needs subgroups). */
  readonly quads: boolean;
  /** Most rows a thread computes. */
  readonly rows: number;
  /** Tiles in workgroup memory, for GPUs where barriers are cheap. */
  readonly workgroup: boolean;
  /** Workgroup tiles in half precision, forward only (needs shader-f16). */
  readonly f16: boolean;
  /** The adapter's own matrix units, in half precision with float32 sums; null: not used. */
  readonly matrix: MatrixTile | null;
}

/** What the adapter multiplies at once, and how many threads do it together. */
export interface MatrixUnit {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly lanes: number;
}

/** Outputs of a workgroup and of each of its subgroups. */
export interface MatrixTile extends MatrixUnit {
  readonly rows: number;
  readonly columns: number;
  readonly subgroupRows: number;
  readonly subgroupColumns: number;
}

/** Needs nothing: no subgroups, no workgroup memory. */
export const plainMatmul: MatmulVariant = {
  quads: false,
  rows: 8,
  workgroup: false,
  f16: false,
  matrix: null,
};

/** In software a tile of so many rows multiplies a quarter faster than one of 16, and takes three times as long to compile. */
export const wideRows = 32;
/** Of matrix products, by measurement: ten seconds of compiling are earned back after some forty. */
const secondsWorthWideTiles = 60;

interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export class Recorder {
  readonly #device: GPUDevice;
  readonly #compiled = new Map<string, Compiled>();
  /** Every kernel that was given to the compiler, also those that it refused. */
  readonly #modules = new Map<string, { readonly kernel: Kernel; readonly module: GPUShaderModule }>();
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  readonly #uniformBuffer: GPUBuffer;
  readonly #staging = new DataView(new ArrayBuffer(slotBytes * slotCount));
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #slot = 0;
  #pendingSeconds = 0;
  /** Kernels of what `prepare` only listens to; null: dispatches are recorded. */
  #heard: Map<string, Kernel> | null = null;
  /** How fast the GPU multiplies, by measurement (self-test/tuner.ts); a guess on the slow side before. */
  flopsPerSecond = 5e9;
  /** How fast the GPU copies, bytes read and written, likewise. */
  bytesPerSecond = 5e9;
  /** Which variant of the matrix products runs; all mean the same. Chosen by the tuner. */
  matmul: MatmulVariant = plainMatmul;
  /** Room to decode rows of coded weights into (kernels/weight-panel.ts); null: decoded in every tile. */
  panel: GpuTensor | null = null;
  /** Threads of a subgroup that share a row in attention; 1: a thread has its own (kernels/attention-lanes.ts). */
  lanes = 1;
  /** Room for a scale per row of a product in half precision (kernels/row-scale.ts). */
  rowScales: GpuTensor | null = null;
  /** Kernels then do more work per thread and avoid barriers. */
  readonly isSoftware: boolean;
  /** Threads that share a row where it is summed: barriers are slow in software, and some drivers there end long loops. */
  rowThreads: 1 | 64;

  constructor(device: GPUDevice, isSoftware: boolean) {
    this.#device = device;
    this.isSoftware = isSoftware;
    this.rowThreads = isSoftware ? 1 : 64;
    this.#uniformBuffer = device.createBuffer({
      label: 'uniforms',
      size: slotBytes * slotCount,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /**
   * Compiles what `record` would dispatch, without running it: all kernels at once and beside other work, where a first
   * dispatch would wait for its own. Writes to tensors happen, copies and dispatches do not.
   * @throws TrainerError "gpu-error" with the lines of WGSL that the compiler refuses.
   */
  async prepare(record: () => void): Promise<void> {
    this.submit();
    const heard = new Map<string, Kernel>();
    this.#heard = heard;
    try {
      record();
    } finally {
      this.#heard = null;
    }
    const missing = [...heard.values()].filter(({ key }) => !this.#compiled.has(key));
    await Promise.all(
      missing.map(async (kernel) => {
        const { layout, descriptor } = this.#describe(kernel);
        // What fails for another reason (a lost device) is said when it is dispatched.
        const pipeline = await this.#device.createComputePipelineAsync(descriptor).catch(() => null);
        if (pipeline !== null) this.#compiled.set(kernel.key, { pipeline, layout });
      }),
    );
    const refused = await this.compileErrors(missing.filter(({ key }) => !this.#compiled.has(key)));
    if (refused !== '')
      throw new TrainerError('gpu-error', 'The graphics driver refuses to compile a kernel.', refused);
  }

  /**
   * Says that about so many FLOPs of matrix products are to come. Where that is long for this GPU, they are computed in larger
   * tiles from here on; no bit of them changes.
   */
  expectWork(flops: number): void {
    const { isSoftware, matmul, flopsPerSecond } = this;
    if (isSoftware && matmul.quads && flops > secondsWorthWideTiles * flopsPerSecond)
      this.matmul = { ...matmul, rows: wideRows };
  }

  /** What the compiler says against these kernels, or against any that it was given; '' where it says nothing. */
  async compileErrors(kernels: readonly Kernel[] | null = null): Promise<string> {
    const keys = kernels?.map(({ key }) => key) ?? [...this.#modules.keys()];
    const reports = await Promise.all(
      keys.map(async (key) => {
        const given = this.#modules.get(key);
        if (given === undefined) return '';
        const info = await given.module.getCompilationInfo().catch(() => null); // no answer from a lost device
        return info === null ? '' : compileReport(given.kernel, info.messages);
      }),
    );
    return reports.filter((report) => report !== '').join('\n\n');
  }

  /**
   * Runs `threads` threads, rounded up to whole workgroups. Tensors in the order of the kernel's bindings.
   * `flops`: what the dispatch costs by estimate. One that would hold the GPU for too long is split, and long
   * queues are submitted in parts, because an operating system resets a GPU that does not answer (Windows: 2 s).
   */
  dispatch(
    kernel: Kernel,
    tensors: readonly GpuTensor[],
    uniforms: Readonly<Record<string, number>>,
    threads: number,
    flops = threads * assumedFlopsPerThread,
  ): void {
    const groups = Math.ceil(threads / kernel.workgroupSize);
    if (groups === 0) return;
    if (this.#heard !== null) {
      this.#heard.set(kernel.key, kernel);
      return;
    }
    const seconds = flops / this.flopsPerSecond;
    const parts = Math.min(groups, Math.ceil(seconds / longestDispatchSeconds));
    // whole rows of the grid, so that no part reaches into the next
    const evenly = Math.ceil(groups / parts);
    const perPart = evenly <= gridRow ? evenly : Math.ceil(evenly / gridRow) * gridRow;
    for (let first = 0; first < groups; first += perPart) {
      const count = Math.min(perPart, groups - first);
      this.#dispatchPart(kernel, tensors, { firstGroup: first, ...uniforms }, count);
      this.#pendingSeconds += (seconds * count) / groups;
      if (this.#pendingSeconds > longestDispatchSeconds) this.submit();
    }
  }

  #dispatchPart(
    kernel: Kernel,
    tensors: readonly GpuTensor[],
    uniforms: Readonly<Record<string, number>>,
    groups: number,
  ): void {
    if (this.#slot === slotCount) this.submit();
    const compiled = this.#compile(kernel);
    this.#writeUniforms(kernel, uniforms);
    const pass = this.#openPass();
    pass.setPipeline(compiled.pipeline);
    pass.setBindGroup(0, this.#bindGroup(kernel, compiled, tensors), [this.#slot * slotBytes]);
    pass.dispatchWorkgroups(Math.min(groups, gridRow), Math.ceil(groups / gridRow), 1);
    this.#slot++;
  }

  /** Copies whole elements between tensors; element offsets and counts. */
  copy(
    source: GpuTensor,
    sourceOffset: number,
    target: GpuTensor,
    targetOffset: number,
    count: number,
  ): void {
    if (this.#heard !== null) return;
    this.#closePass();
    this.#openEncoder().copyBufferToBuffer(
      source.buffer,
      source.byteOffset + sourceOffset * 4,
      target.buffer,
      target.byteOffset + targetOffset * 4,
      count * 4,
    );
  }

  clear(tensor: GpuTensor): void {
    if (this.#heard !== null) return;
    this.#closePass();
    this.#openEncoder().clearBuffer(tensor.buffer, tensor.byteOffset, tensor.byteSize);
  }

  submit(): void {
    if (this.#encoder === null) return;
    this.#closePass();
    if (this.#slot > 0) {
      this.#device.queue.writeBuffer(this.#uniformBuffer, 0, this.#staging.buffer, 0, this.#slot * slotBytes);
    }
    this.#device.queue.submit([this.#encoder.finish()]);
    this.#encoder = null;
    this.#slot = 0;
    this.#pendingSeconds = 0;
  }

  /** Forgets bind groups, which hold on to buffers; call after tensors were disposed. */
  forgetBindGroups(): void {
    this.submit();
    this.#bindGroups.clear();
  }

  #openEncoder(): GPUCommandEncoder {
    this.#encoder ??= this.#device.createCommandEncoder();
    return this.#encoder;
  }

  #openPass(): GPUComputePassEncoder {
    this.#pass ??= this.#openEncoder().beginComputePass();
    return this.#pass;
  }

  #closePass(): void {
    this.#pass?.end();
    this.#pass = null;
  }

  #compile(kernel: Kernel): Compiled {
    const known = this.#compiled.get(kernel.key);
    if (known !== undefined) return known;
    const { layout, descriptor } = this.#describe(kernel);
    const compiled = { pipeline: this.#device.createComputePipeline(descriptor), layout };
    this.#compiled.set(kernel.key, compiled);
    return compiled;
  }

  #describe(kernel: Kernel): {
    readonly layout: GPUBindGroupLayout;
    readonly descriptor: GPUComputePipelineDescriptor;
  } {
    const layout = this.#device.createBindGroupLayout({
      label: kernel.key,
      entries: [
        {
          binding: 0,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: 'uniform', hasDynamicOffset: true },
        },
        ...kernel.bindings.map(({ access }, i) => ({
          binding: i + 1,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: access === 'read' ? ('read-only-storage' as const) : ('storage' as const) },
        })),
      ],
    });
    const module = this.#device.createShaderModule({ label: kernel.key, code: kernel.source });
    this.#modules.set(kernel.key, { kernel, module });
    const descriptor = {
      label: kernel.key,
      layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    };
    return { layout, descriptor };
  }

  #bindGroup(kernel: Kernel, compiled: Compiled, tensors: readonly GpuTensor[]): GPUBindGroup {
    if (tensors.length !== kernel.bindings.length) {
      throw new RangeError(`${kernel.key}: ${tensors.length} tensors for ${kernel.bindings.length} bindings`);
    }
    let key = kernel.key;
    for (const tensor of tensors) key += `|${tensor.id}`;
    const known = this.#bindGroups.get(key);
    if (known !== undefined) return known;
    const group = this.#device.createBindGroup({
      layout: compiled.layout,
      entries: [
        { binding: 0, resource: { buffer: this.#uniformBuffer, offset: 0, size: slotBytes } },
        ...tensors.map((tensor, i) => ({
          binding: i + 1,
          resource: { buffer: tensor.buffer, offset: tensor.byteOffset, size: tensor.byteSize },
        })),
      ],
    });
    this.#bindGroups.set(key, group);
    return group;
  }

  #writeUniforms(kernel: Kernel, values: Readonly<Record<string, number>>): void {
    let at = this.#slot * slotBytes;
    for (const [name, type] of Object.entries(kernel.uniforms)) {
      const value = values[name];
      if (value === undefined) throw new RangeError(`${kernel.key}: uniform "${name}" is missing`);
      if (type === 'f32') this.#staging.setFloat32(at, value, true);
      else if (type === 'u32') this.#staging.setUint32(at, value, true);
      else this.#staging.setInt32(at, value, true);
      at += 4;
    }
  }
}

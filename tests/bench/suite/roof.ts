/**
 * What this adapter can do at best, measured beside the contenders: independent f32 multiply-add chains in registers
 * for arithmetic, a copy too large for caches for bandwidth. Written on bare WebGPU, so that no change of the engine
 * moves it.
 */
import type { Gpu } from './engine.ts';
import type { Contender } from './timing.ts';
import { alternate } from './timing.ts';

export interface RoofMeter {
  readonly arithmetic: Contender;
  readonly arithmeticFlops: number; // of one repetition
  readonly copy: Contender;
  readonly copyBytes: number; // read and written by one repetition
  readonly chosen: string;
  dispose(): void;
}

const rounds = 512;
const forms = {
  fma: (c: string) => `fma(${c}, a, b)`,
  'mul + add': (c: string) => `${c} * a + b`,
} as const;

function chainSource(chains: number, form: keyof typeof forms): string {
  const each = (line: (i: number) => string): string =>
    Array.from({ length: chains }, (_, i) => line(i)).join('\n');
  return `
@group(0) @binding(0) var<storage, read_write> data: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let a = data[0]; // 0.5 and 1 at run time: nothing can be folded
  let b = data[1];
${each((i) => `  var c${i} = vec4f(f32(gid.x + ${i}u));`)}
  for (var k = 0u; k < ${rounds}u; k++) {
${each((i) => `    c${i} = ${forms[form](`c${i}`)};`)}
  }
  data[2u + gid.x] = ${Array.from({ length: chains }, (_, i) => `c${i}`).join(' + ')};
}`;
}

const copySource = `
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * 32768u + wid.x) * 64u + lid;
  if (i < arrayLength(&source)) { copied[i] = source[i]; }
}`;

export async function openRoof(
  { device, waits, recorder: { isSoftware } }: Gpu,
  sampleMs: number,
): Promise<RoofMeter> {
  const threads = isSoftware ? 64 * 128 : 64 * 8192; // a large GPU needs more to be full
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const data = device.createBuffer({ label: 'roof', size: (2 + threads) * 16, usage });
  device.queue.writeBuffer(data, 0, Float32Array.of(0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1));
  const limit = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  const size = Math.min(limit, 128 * 2 ** 20);
  const [source, copied] = [0, 1].map((i) => device.createBuffer({ label: `copy ${i}`, size, usage }));

  const contender = (
    name: string,
    code: string,
    buffers: readonly GPUBuffer[],
    groups: number,
  ): Contender => {
    const pipeline = device.createComputePipeline({
      layout: 'auto',
      compute: { module: device.createShaderModule({ label: name, code }), entryPoint: 'main' },
    });
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    return {
      name,
      run: async (repetitions) => {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        const x = Math.min(groups, 32_768);
        for (let i = 0; i < repetitions; i++) pass.dispatchWorkgroups(x, Math.ceil(groups / x));
        pass.end();
        device.queue.submit([encoder.finish()]);
        await waits.workDone();
      },
    };
  };

  const variants = ([4, 8, 16] as const).flatMap((chains) =>
    (['fma', 'mul + add'] as const).map((form) => ({
      flops: threads * rounds * chains * 4 * 2,
      contender: contender(`${chains} chains, ${form}`, chainSource(chains, form), [data], threads / 64),
    })),
  );
  const byKernel = contender('copy by kernel', copySource, [source, copied], Math.ceil(size / 16 / 64));
  const byQueue: Contender = {
    name: 'copy by queue',
    run: async (repetitions) => {
      const encoder = device.createCommandEncoder();
      for (let i = 0; i < repetitions; i++) encoder.copyBufferToBuffer(source, 0, copied, 0, size);
      device.queue.submit([encoder.finish()]);
      await waits.workDone();
    },
  };

  const quick = { rounds: 3, sampleMs: Math.min(30, sampleMs) };
  const times = await alternate(
    variants.map((variant) => variant.contender),
    quick,
  );
  const best = variants.reduce((a, b) =>
    a.flops / times[variants.indexOf(a)].medianMs >= b.flops / times[variants.indexOf(b)].medianMs ? a : b,
  );
  const [kernelTime, queueTime] = await alternate([byKernel, byQueue], quick);
  const copy = kernelTime.medianMs <= queueTime.medianMs ? byKernel : byQueue;
  return {
    arithmetic: best.contender,
    arithmeticFlops: best.flops,
    copy,
    copyBytes: 2 * size,
    chosen: `${best.contender.name}; ${copy.name} of ${size / 2 ** 20} MiB`,
    dispose: () => {
      for (const buffer of [data, source, copied]) buffer.destroy();
    },
  };
}

/**
 * Opens the WebGPU device we own; tfjs works on it beside our kernels (device/tfjs.ts).
 *
 * We request the GPU's own limits and listen to `uncapturederror` and `lost` ourselves, because a GPU
 * fails silently: a validation error never throws, and tfjs does not look.
 */
import { TrainerError } from '../support/trainer-error.ts';
import type { DeviceReport } from '../api/trainer-api.ts';
import { describeAdapter } from '../support/adapter-name.ts';
import { GpuMemory } from './gpu-memory.ts';
import { GpuWaits } from './gpu-waits.ts';
import { Recorder, type MatrixUnit } from './recorder.ts';
import { openTfjs, type TfjsRuntime } from './tfjs.ts';

/** Everything the engine needs of a GPU. One per worker. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly report: DeviceReport;
  readonly memory: GpuMemory;
  readonly tfjs: TfjsRuntime;
  readonly recorder: Recorder;
  readonly waits: GpuWaits;
  /** Threads per subgroup, smallest and largest; null without subgroups. */
  readonly subgroups: { readonly min: number; readonly max: number } | null;
  /** Products of halves with float32 sums that the adapter's matrix units do, the largest first. */
  readonly matrixUnits: readonly MatrixUnit[];
  /** @throws TrainerError "gpu-error" or "device-lost" if the device has failed since it was opened. */
  assertHealthy(): void;
  /** Resolves (never rejects) with the error when the device fails or is lost. */
  readonly failed: Promise<TrainerError>;
}

/** More threads to a row of attention would each have too little of it. */
const mostLanes = 16;

/** Matrix units of the adapter, behind a flag for now: not in the types of WebGPU. */
const matrixFeature = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

/** `advice`: what to do where there is none. @throws TrainerError "webgpu-unavailable" where there is no WebGPU or no GPU. */
export async function openDevice(gpu: GPU | undefined, advice = ''): Promise<Gpu> {
  if (gpu === undefined) {
    throw new TrainerError('webgpu-unavailable', `There is no WebGPU here. ${advice}`.trim());
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw new TrainerError('webgpu-unavailable', `There is WebGPU here, but no GPU for it. ${advice}`.trim());
  }
  const wanted = (['subgroups', 'shader-f16', matrixFeature] as const).filter((name) =>
    adapter.features.has(name),
  );
  const device = await adapter.requestDevice({
    requiredFeatures: wanted,
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]])),
  });

  const info = adapter.info;
  const { name, isSoftware } = describeAdapter(info);
  const recorder = new Recorder(device, isSoftware);
  if (!isSoftware && device.features.has('subgroups'))
    recorder.lanes = Math.min(mostLanes, info.subgroupMinSize);

  let failure: TrainerError | null = null;
  let announce: (error: TrainerError) => void = () => undefined;
  const failed = new Promise<TrainerError>((resolve) => {
    announce = resolve;
  });
  device.addEventListener('uncapturederror', ({ error }) => {
    if (failure !== null) return;
    const noted = (failure = failureOf(error, error.message));
    // A kernel that does not compile fails where it is used; the compiler says which line it is.
    void recorder.compileErrors().then((report) => {
      if (report !== '' && failure === noted) failure = failureOf(error, report);
      announce(failure ?? noted);
    });
  });
  void device.lost.then((lost) => {
    failure ??= new TrainerError(
      'device-lost',
      'The graphics device was lost (driver reset, sleep or another program). The last snapshot of the LoRA adapter can still be downloaded; reload the page to train again.',
      `${lost.reason}: ${lost.message}`,
    );
    announce(failure);
  });

  const tfjs = openTfjs(device, info);
  const waits = await GpuWaits.measure(device);
  const report: DeviceReport = {
    gpu: name,
    features: [...adapter.features].sort(),
    maxBufferBytes: device.limits.maxBufferSize,
    maxBindingBytes: device.limits.maxStorageBufferBindingSize,
    isSoftware,
  };
  return {
    device,
    report,
    memory: new GpuMemory(device, tfjs, waits),
    tfjs,
    recorder,
    waits,
    subgroups: device.features.has('subgroups')
      ? { min: info.subgroupMinSize, max: info.subgroupMaxSize }
      : null,
    matrixUnits: device.features.has(matrixFeature) ? matrixUnitsOf(info) : [],
    failed,
    assertHealthy: () => {
      if (failure !== null) throw failure;
    },
  };
}

interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** A product's threads are a subgroup, so subgroups must have one size. */
function matrixUnitsOf(info: GPUAdapterInfo): MatrixUnit[] {
  const { subgroupMinSize: lanes, subgroupMaxSize } = info;
  if (lanes !== subgroupMaxSize) return [];
  const { subgroupMatrixConfigs = [] } = info as { readonly subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  return [...subgroupMatrixConfigs]
    .filter((one) => one.componentType === 'f16' && one.resultComponentType === 'f32')
    .map(({ M: m, N: n, K: k }) => ({ m, n, k, lanes }))
    .sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k);
}

function failureOf(error: GPUError, detail: string): TrainerError {
  if (error instanceof GPUOutOfMemoryError)
    return new TrainerError(
      'gpu-out-of-memory',
      'The GPU ran out of memory. Use a smaller batch size or max length, or a smaller model.',
      detail,
    );
  return new TrainerError(
    'gpu-error',
    'The GPU reported an error, so the numbers after it cannot be trusted. Reload the page and try again; please report it with the detail.',
    detail,
  );
}

/** A GPU that proves itself before anything is computed on it: what models are loaded onto. */
import type { CuratedModel, DeviceReport, ModelSource } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { RunConfig } from '../config/run-config.ts';
import { openDevice, type Gpu } from '../device/open-device.ts';
import { selfTest } from '../self-test/self-test.ts';
import { curatedModels } from '../model/curated-models.ts';
import { loadHubModel } from '../model/kept-models.ts';
import { loadModel } from '../model/load-model.ts';
import { openModelFiles } from '../model/model-files.ts';
import { formatOf } from './memory-advice.ts';
import { Model } from './model.ts';
import type { Trainer } from './trainer.ts';
import type { Watch } from './watch.ts';

export class Engine {
  readonly trainer: Trainer;
  /** @internal */
  readonly gpu: Gpu;
  readonly #models = new Set<Model>();
  #proof: Promise<void> | null = null;
  #isProved = false;

  private constructor(trainer: Trainer, gpu: Gpu) {
    this.trainer = trainer;
    this.gpu = gpu;
  }

  /** Not proved yet. @throws TrainerError "webgpu-unavailable" @internal */
  static async open(trainer: Trainer): Promise<Engine> {
    return new Engine(trainer, await openDevice(trainer.host.gpu, trainer.host.gpuAdvice));
  }

  /** The self-test, once; what it has found holds for as long as the GPU is open. @throws TrainerError "self-test-failed" @internal */
  proved(): Promise<void> {
    return (this.#proof ??= selfTest(this.gpu, this.trainer.host.notes).then(() => {
      this.#isProved = true;
    }));
  }
  /** @internal */
  get isProved(): boolean {
    return this.#isProved;
  }

  get report(): DeviceReport {
    return this.gpu.report;
  }

  /** @throws TrainerError "gpu-error" or "device-lost" if the device has failed since it was opened. */
  assertHealthy(): void {
    this.gpu.assertHealthy();
  }

  /** Models of the hub that the page offers, with the GPU memory they take here. */
  curatedModels(): CuratedModel[] {
    return curatedModels(this.gpu.memory.maxTensorBytes);
  }

  /** The frozen weights as `quantization` says, on the GPU, and the tokenizer. Caller disposes. */
  async loadModel(
    source: ModelSource,
    quantization: RunConfig['quantization'] = 'none',
    { signal, onProgress = () => undefined }: Watch = {},
  ): Promise<Model> {
    const format = formatOf(quantization);
    // Float32 weights are copied, and nothing is computed of them. A proof that is under way listens to errors that would be these.
    if (format !== 'f32' || this.#proof !== null) await this.proved();
    if (source.kind !== 'hub') {
      const files = openModelFiles(source, this.trainer.host.assets);
      const loaded = await loadModel(this.gpu, files, format, (progress) => {
        if (signal?.aborted) throw new TrainerError('cancelled', 'Loading was cancelled.');
        onProgress(progress);
      });
      return this.#own(new Model(this, source, loaded, null));
    }
    const options = {
      ...(signal === undefined ? {} : { signal }),
      ...(source.hubUrl === undefined ? {} : { hubUrl: source.hubUrl }),
      onTransfer: ({ file, ...transfer }: Parameters<NonNullable<TransferListener>>[0]) =>
        onProgress({ ...transfer, note: file }),
    };
    const kept = await this.trainer.keptModels();
    const { loaded, ...hub } = await loadHubModel(this.gpu, source, format, kept, options, onProgress);
    return this.#own(new Model(this, source, loaded, hub));
  }

  #own(model: Model): Model {
    this.#models.add(model);
    return model;
  }
  /** A model says so when it is disposed. @internal */
  forget(model: Model): void {
    this.#models.delete(model);
  }

  /** For good, with every model that was loaded onto it. */
  dispose(): void {
    for (const model of this.#models) model.dispose();
    this.gpu.device.destroy();
    this.gpu.tfjs.dispose();
  }
}

type TransferListener = NonNullable<Parameters<typeof loadHubModel>[4]>['onTransfer'];

/**
 * What a page has open: one engine, one model, one dataset, one run. The doors beside this file answer the page's calls
 * on it. One thing at a time happens on the device; what is asked for meanwhile is refused, not queued.
 */
import type { Reply } from '../../api/playground.ts';
import type { DatasetSettings, DatasetSource, ModelSource } from '../../api/trainer-api.ts';
import { TrainerError } from '../../support/trainer-error.ts';
import type { RunConfig } from '../../config/run-config.ts';
import type { Host } from '../../host/host.ts';
import type { Adapter } from '../../model/adapter.ts';
import type { Dataset } from '../dataset.ts';
import type { Engine } from '../engine.ts';
import type { Model } from '../model.ts';
import type { Playground } from '../playground.ts';
import type { Run } from '../run.ts';
import { createTrainer, type Trainer } from '../trainer.ts';
import type { Watch } from '../watch.ts';

export class Current {
  readonly trainer: Trainer;
  model: Model | null = null;
  dataset: Dataset | null = null;
  run: Run | null = null;
  /** Put there by `loadAdapter`; a run takes its place. */
  looseAdapter: Adapter | null = null;
  #playground: Playground | null = null;
  #engine: Engine | null = null;
  /** What was stopped and has not yet let go of the GPU. */
  #ending: Promise<unknown> = Promise.resolve();
  #busyWith: string | null = null;
  readonly #cancels = new Map<string, AbortController>();

  constructor(host: Host) {
    this.trainer = createTrainer(host);
  }

  /** Opened and proved at the first call. */
  async engine(): Promise<Engine> {
    const engine = await this.unprovedEngine();
    await engine.proved();
    engine.assertHealthy();
    return engine;
  }
  /** For what computes nothing. */
  async unprovedEngine(): Promise<Engine> {
    this.#engine ??= await this.trainer.openUnprovedEngine();
    this.#engine.assertHealthy();
    return this.#engine;
  }
  get openEngine(): Engine | null {
    return this.#engine;
  }

  /** Whatever else is asked for ends a reply that is being written, and gets the playground's memory. */
  exclusively<T>(what: string, action: () => Promise<T>): Promise<T> {
    this.cancel('chatting');
    return this.#alone(what, () => {
      this.model?.release(this.#playground);
      this.#playground = null;
      return action();
    });
  }

  /** Ends at once where it is stopped, with what is written; what comes next waits until the GPU has followed. */
  async chatting(
    action: (playground: Playground, signal: AbortSignal) => Promise<Reply[]>,
  ): Promise<readonly Reply[]> {
    return this.cancellable('chatting', (signal) => {
      const whole = this.#alone('chatting', () => {
        this.#playground ??= this.requireModel().openPlayground();
        return action(this.#playground, signal);
      });
      const stopped = new Promise<readonly Reply[]>((resolve) =>
        signal.addEventListener('abort', () => {
          this.#ending = whole.catch(() => undefined);
          resolve(this.#playground?.written() ?? []);
        }),
      );
      return Promise.race([whole, stopped]);
    });
  }

  async #alone<T>(what: string, action: () => Promise<T>): Promise<T> {
    await this.#ending;
    if (this.#busyWith !== null)
      throw new TrainerError(
        'busy',
        `The trainer is busy (${this.#busyWith}). Wait for it, or stop it first.`,
      );
    this.#busyWith = what;
    try {
      return await action();
    } finally {
      this.#busyWith = null;
    }
  }

  /** Runs work that `cancel` of the same name ends. */
  async cancellable<T>(name: string, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#cancels.set(name, controller);
    try {
      return await action(controller.signal);
    } finally {
      this.#cancels.delete(name);
    }
  }
  cancel(name: string): void {
    this.#cancels.get(name)?.abort();
  }

  requireModel(): Model {
    if (this.model !== null) return this.model;
    throw new TrainerError('not-ready', 'No model is loaded yet. Choose a model first.');
  }
  requireDataset(): Dataset {
    if (this.dataset !== null) return this.dataset;
    throw new TrainerError(
      'not-ready',
      'No dataset is read yet. Drop a file or choose the built-in one first.',
    );
  }
  requireRun(): Run {
    if (this.run !== null) return this.run;
    throw new TrainerError('nothing-to-export', 'Nothing has been trained yet. Start training first.');
  }

  /** Takes the place of the model there was, when it is there; data read for another tokenizer stay readable. */
  async load(
    source: ModelSource,
    quantization: RunConfig['quantization'],
    onProgress: NonNullable<Watch['onProgress']>,
  ): Promise<Model> {
    const engine = await this.unprovedEngine(); // it sees to its proof where it computes
    const model = await this.cancellable('loading', (signal) =>
      engine.loadModel(source, quantization, { signal, onProgress }),
    );
    this.model?.dispose(); // with its run and adapters
    this.run = null;
    this.looseAdapter = null;
    this.model = model;
    return model;
  }

  async read(
    source: DatasetSource,
    settings: DatasetSettings,
    onProgress: NonNullable<Watch['onProgress']>,
  ): Promise<Dataset> {
    const model = this.requireModel();
    this.dataset = await this.cancellable('reading', (signal) =>
      model.readDataset(source, settings, { signal, onProgress }),
    );
    return this.dataset;
  }

  /** In the place of the run or adapter there was. */
  use(made: { readonly run: Run } | { readonly adapter: Adapter }): void {
    this.model?.release(this.run);
    this.model?.release(this.looseAdapter);
    this.run = 'run' in made ? made.run : null;
    this.looseAdapter = 'adapter' in made ? made.adapter : null;
  }
}

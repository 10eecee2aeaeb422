/**
 * The trainer as objects, each with an owner and an end: a Trainer of a host opens an Engine (the GPU), an Engine loads
 * Models, a Model reads Datasets and makes Runs. Whoever asks for one owns it, and disposes it; what it made goes with it.
 *
 *   const trainer = createTrainer(browserHost(location.href));
 *   const engine = await trainer.openEngine();
 *   const model = await engine.loadModel({ kind: 'demo' });
 *   const dataset = await model.readDataset({ kind: 'builtin', name: 'alttrain-1k' }, config);
 *   const run = await model.createRun(dataset, { config });
 *   const result = await run.train(onEvent);
 */
import type {
  AdapterFiles,
  AdapterSource,
  ColumnPreview,
  DatasetSource,
  HubDatasetReport,
  HubDatasetSource,
} from '../api/trainer-api.ts';
import type { DatasetFiles } from '../data/read-files.ts';
import { previewColumns } from '../data/preview-columns.ts';
import type { Host } from '../host/host.ts';
import { findHubDataset } from '../hub/hub-dataset.ts';
import { parseSuites, type DemoSuite } from '../evaluation/safety-suites.ts';
import { keptModelsIn, keptModelsStore, type KeptModels } from '../model/kept-models.ts';
import { EvaluationStore, evaluationsStore } from '../runs/evaluation-store.ts';
import { RunStore, runsStore } from '../runs/run-store.ts';
import { memoryFolders } from '../storage/memory-folders.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { Engine } from './engine.ts';
import { createDatasetOpener, type DatasetOpener } from './open-dataset.ts';
import { Outbox } from './outbox.ts';
import { noStore, storedAdapter } from './stored-runs.ts';
import type { Watch } from './watch.ts';

export function createTrainer(host: Host): Trainer {
  return new Trainer(host);
}

export class Trainer {
  readonly host: Host;
  /** Results that are too large for memory. @internal */
  readonly outbox: Outbox;
  readonly #files: DatasetOpener;
  #kept: Promise<KeptModels | null> | null = null;
  #runs: Promise<RunStore> | null = null;
  #evaluations: Promise<EvaluationStore> | null = null;

  constructor(host: Host) {
    this.host = host;
    this.outbox = new Outbox(host);
    this.#files = createDatasetOpener(host.assets, async (runId) => storedFile(await this.runs(), runId));
  }

  /** Opens the GPU and proves it. @throws TrainerError "webgpu-unavailable", "self-test-failed" */
  async openEngine(): Promise<Engine> {
    const engine = await this.openUnprovedEngine();
    await engine.proved();
    return engine;
  }
  /** For whoever has weights to load meanwhile, and awaits `proved` before anything else. @throws TrainerError "webgpu-unavailable" @internal */
  openUnprovedEngine(): Promise<Engine> {
    return Engine.open(this);
  }

  /** Models of the hub that were loaded before; null where the host has no storage, as in some private windows. @internal */
  keptModels(): Promise<KeptModels | null> {
    return (this.#kept ??= this.host
      .openStore(keptModelsStore)
      .then(keptModelsIn)
      .catch(() => null));
  }

  /** Runs that outlive this trainer. @throws TrainerError "storage-unavailable", "storage-full" */
  openRuns(): Promise<RunStore> {
    return (this.#runs ??= this.host.openStore(runsStore).then(
      (store) => new RunStore(store),
      (error: unknown) => {
        this.#runs = null; // asked again: a full disk may have room by then
        throw error;
      },
    ));
  }
  /** null where the host has no storage. */
  runs(): Promise<RunStore | null> {
    return this.openRuns().catch(() => null);
  }

  /** Where the host has no storage, they last as long as this trainer. @internal */
  evaluations(): Promise<EvaluationStore> {
    return (this.#evaluations ??= this.host
      .openStore(evaluationsStore)
      .catch(memoryFolders)
      .then((store) => new EvaluationStore(store)));
  }

  /** What a dataset of the hub offers, before anything of it is downloaded. */
  findHubDataset(source: HubDatasetSource, signal?: AbortSignal): Promise<HubDatasetReport> {
    return findHubDataset(source, signal === undefined ? {} : { signal });
  }

  /** The first rows of a file as they are, for mapping its columns. */
  async previewColumns(source: DatasetSource): Promise<ColumnPreview> {
    return previewColumns(await this.#files.openLocal(source));
  }

  /** @internal */
  openDataset(source: DatasetSource, { signal, onProgress }: Watch = {}): Promise<DatasetFiles> {
    return this.#files.open(source, signal ?? new AbortController().signal, onProgress ?? (() => undefined));
  }

  /** An adapter's files, wherever they are. @throws TrainerError "run-not-found", "checkpoint-invalid", "nothing-to-export" */
  async adapterFiles(source: AdapterSource): Promise<AdapterFiles> {
    if (!('runId' in source)) return source;
    const runs = await this.runs();
    if (runs === null) throw noStore();
    return storedAdapter(runs, source.runId);
  }

  /** The evaluation suites that come with the app; none where it comes without. @internal */
  async suites(): Promise<readonly DemoSuite[]> {
    const blob = await this.demoSuites();
    return blob === null ? [] : parseSuites(await blob.text());
  }

  /** Their file. @internal */
  demoSuites(): Promise<Blob | null> {
    return this.host.assets.blob('datasets/demo-suites.json');
  }
}

async function storedFile(runs: RunStore | null, runId: string): Promise<Blob> {
  const bytes = (await runs?.dataset(runId)) ?? null;
  if (bytes === null)
    throw new TrainerError(
      'dataset-unreadable',
      'The data file was not kept with this run. Choose the file again.',
    );
  return new Blob([bytes as BlobPart]);
}

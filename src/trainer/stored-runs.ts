/** Runs of the store as the trainer makes and uses them: what is remembered of one, and the adapter it holds. */
import type { RememberedDataset, RememberedModel, RunHead, StoredRunContent } from '../api/stored-runs.ts';
import type { ExportedFile } from '../api/exports.ts';
import type { AdapterFiles, DatasetSource, ModelSource, TrainingRequest } from '../api/trainer-api.ts';
import { toRawRunConfig } from '../config/run-config.ts';
import type { TrainedAdapter } from '../exporters/subject.ts';
import { planAdapter } from '../model/adapter.ts';
import type { ModelConfig } from '../model/model-config.ts';
import { stepOf } from '../runs/records.ts';
import type { RunStore } from '../runs/run-store.ts';
import { toWire, TrainerError } from '../support/trainer-error.ts';
import { runName } from '../support/run-name.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { Dataset } from './dataset.ts';
import type { Model } from './model.ts';
import { adapterDownload, rowCounts, RunRecord, trainedAdapter } from './run-results.ts';
import type { RunStart } from './run.ts';
import type { RunPlan } from './run-plan.ts';

/** Data files up to this size are kept with their run, so that it can go on without asking for them. */
const keptDatasetBytesMost = 64 * 2 ** 20;

/** What a new run would keep of its data. */
export async function keptDatasetBytes({ source }: Dataset, runs: RunStore): Promise<number> {
  if (source.kind === 'file') return source.file.size <= keptDatasetBytesMost ? source.file.size : 0;
  return source.kind === 'stored' ? runs.datasetBytes(source.runId) : 0;
}

/** null: it is not a file, or too large, or kept already. `runId`: of the run that is to keep it. */
async function datasetToKeep({ source }: Dataset, runs: RunStore, runId?: string): Promise<Blob | null> {
  if (source.kind === 'file') return source.file.size <= keptDatasetBytesMost ? source.file : null;
  if (source.kind !== 'stored' || source.runId === runId) return null;
  // The other run may be deleted before this one.
  const bytes = await runs.dataset(source.runId).catch(() => null);
  return bytes === null ? null : new Blob([bytes as BlobPart]);
}

export function headOf(
  model: Model,
  dataset: Dataset,
  { config, batches, rows }: RunPlan,
  { device, keepsDataset }: { readonly device: string; readonly keepsDataset: boolean },
): RunHead {
  const now = Date.now();
  return {
    title: '',
    notes: '',
    createdMs: now,
    updatedMs: now,
    state: 'running',
    failure: null,
    settings: toRawRunConfig(config),
    model: {
      name: model.loaded.name,
      base: model.loaded.base,
      source: rememberedModel(model.source),
    },
    dataset: { name: dataset.report.name, source: rememberedDataset(dataset, keepsDataset) },
    counts: rowCounts(rows),
    device,
    step: 0,
    totalSteps: batches.totalSteps,
    stepsPerEpoch: batches.stepsPerEpoch,
    startedFrom: null,
    lossLast: null,
    before: null,
    after: null,
    result: null,
  };
}

/** What a run starts from, and where it is kept. @throws TrainerError "run-in-use", "run-not-found", "checkpoint-invalid" */
export async function startOf(
  model: Model,
  dataset: Dataset,
  plan: RunPlan,
  { initAdapter, checkpoint, allowChanges, runId, isKept = true }: TrainingRequest,
): Promise<RunStart> {
  const { trainer, report } = model.engine;
  const headWith = (keepsDataset: boolean): RunHead =>
    headOf(model, dataset, plan, { device: report.gpu, keepsDataset });
  const adapter = initAdapter === undefined ? undefined : await trainer.adapterFiles(initAdapter);
  const start = { dataset: dataset.report.name, initAdapter: adapter, allowChanges };
  if (runId !== undefined) {
    const runs = await trainer.openRuns();
    const { log, records, checkpoint: bytes, notes, head: before } = await runs.open(runId);
    if (before.isImported === true) {
      await log.close();
      throw new TrainerError(
        'checkpoint-invalid',
        'This run was trained elsewhere, and the moments of its optimizer stayed there: it cannot go on here. Start a new run from its adapter (“Start from it”).',
      );
    }
    const { title, notes: words, createdMs, step, lossLast, startedFrom } = before;
    const copy = await datasetToKeep(dataset, runs, runId);
    const isItsOwn = dataset.source.kind === 'stored' && dataset.source.runId === runId;
    log.describe({
      ...headWith(copy !== null || isItsOwn),
      title,
      notes: words,
      createdMs,
      step,
      lossLast,
      startedFrom,
    });
    const kept = { log, records, dataset: copy };
    return { ...start, checkpoint: bytes, startNotes: notes, kept, notKept: null };
  }
  const bytes = checkpoint === undefined ? null : new Uint8Array(await checkpoint.arrayBuffer());
  const begun = { ...start, checkpoint: bytes, startNotes: [] };
  if (!isKept) return { ...begun, kept: null, notKept: null };
  try {
    const runs = await trainer.openRuns();
    const copy = await datasetToKeep(dataset, runs);
    const log = await runs.create({ ...headWith(copy !== null), startedFrom: adapter?.name ?? null });
    return { ...begun, kept: { log, records: [], dataset: copy }, notKept: null };
  } catch (error) {
    const notKept = `This run is not kept, and is lost with this page or process: ${toWire(error).message} Download its adapter at the end.`;
    return { ...begun, kept: null, notKept };
  }
}

/** Without what must not or cannot be kept. */
export function rememberedModel(source: ModelSource): RememberedModel {
  if (source.kind === 'files') return { kind: 'files', name: source.name };
  if (source.kind !== 'hub') return source;
  const { token: _, ...rest } = source;
  return rest;
}

function rememberedDataset(
  { source }: { readonly source: DatasetSource },
  isKept: boolean,
): RememberedDataset {
  if (source.kind === 'file' || source.kind === 'stored') return { kind: 'file', name: source.name, isKept };
  if (source.kind !== 'hub') return source;
  const { token: _, ...rest } = source;
  return rest;
}

export const noStore = (): TrainerError =>
  new TrainerError('run-not-found', 'Nothing is kept here: there is no storage.');

/** What a kept run has trained. @throws TrainerError "run-not-found", "checkpoint-invalid" */
export async function storedAdapter(runs: RunStore, id: string): Promise<AdapterFiles> {
  const content = await runs.read(id);
  const { run } = content;
  const files = adapterDownload(await adapterOf(content, runs));
  return adapterFilesOf(`${runName(run)}, step ${run.step}`, files);
}

/** @throws TrainerError "nothing-to-export" */
export function adapterFilesOf(name: string, files: readonly ExportedFile[]): AdapterFiles {
  const [config, weights] = ['adapter_config.json', 'adapter_model.safetensors'].map((file) => {
    const found = files.find((one) => one.name === file);
    if (found === undefined) throw new TrainerError('nothing-to-export', `The run gives no ${file}.`);
    return new Blob([found.bytes as BlobPart]);
  });
  return { name, config, weights };
}

/** The download of a stored run, from its newest whole checkpoint. No model is needed, nor a GPU. */
export async function storedRunFiles(runs: RunStore, id: string): Promise<readonly ExportedFile[]> {
  return adapterDownload(await storedRun(runs, id));
}

/** As `storedRunFiles`, not yet as files. */
export async function storedRun(runs: RunStore, id: string): Promise<TrainedAdapter> {
  return adapterOf(await runs.read(id), runs);
}

async function adapterOf({ run, records }: StoredRunContent, runs: RunStore): Promise<TrainedAdapter> {
  const checkpoint = await readCheckpoint(await runs.checkpoint(run.id));
  const { snapshot, config, identity, totalSteps } = checkpoint;
  if (identity === null) throw new TrainerError('checkpoint-invalid', 'The checkpoint names no model.');
  const plan = planAdapter(identity.modelConfig as unknown as ModelConfig, config);
  if (plan.elementCount !== snapshot.parameters.length)
    throw new TrainerError('checkpoint-invalid', 'The checkpoint does not fit the model that it names.');
  const { model, dataset, counts, device } = run;
  const record = new RunRecord(
    config,
    { model: model.name, base: model.base, dataset: dataset.name },
    { ...counts, totalSteps: totalSteps ?? snapshot.step },
    device,
    { ...snapshot, records: records.filter((record) => stepOf(record) <= snapshot.step) },
  );
  record.isBestKept = snapshot.best !== null;
  const { parameters } = snapshot.best ?? snapshot;
  return trainedAdapter(record, plan, parameters, run.state === 'finished');
}

/** A trained adapter in other formats: as one zip with a folder per format, or as a repository of the hub. */
import { unzipSync } from 'fflate';
import type { ExportedFile, ExportRequest, PlannedFile, PushReport, PushRequest } from '../api/exports.ts';
import { adapterExport } from '../exporters/export-adapter.ts';
import { bytesFile, bytesIn, renamed, type ExportFile } from '../exporters/export-file.ts';
import { mergedFiles } from '../exporters/merged.ts';
import { refuseData, repositoryLayout, type FormatFiles } from '../exporters/repository.ts';
import type { ExportSubject, TrainedAdapter } from '../exporters/subject.ts';
import { zipChunks } from '../exporters/zip-stream.ts';
import type { ModelShape } from '../adapter/ggml.ts';
import { openHubFiles } from '../hub/hub-files.ts';
import type { FileToPush } from '../hub/push.ts';
import { openModelFiles, type ModelFiles } from '../model/model-files.ts';
import type { RunStore } from '../runs/run-store.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { ExportDtype, ExportFormat } from '../config/export-choices.ts';
import { readCheckpoint, readIdentity } from './checkpoint.ts';
import type { Dataset } from './dataset.ts';
import { runBundle } from './export-bundle.ts';
import { adapterInFiles, openBase } from './export-subject.ts';
import type { Model } from './model.ts';
import type { Outbox } from './outbox.ts';
import type { Run } from './run.ts';
import type { RunIdentity } from './run-identity.ts';
import { storedRun } from './stored-runs.ts';
import type { Watch } from './watch.ts';

/** What the page has open. The model is asked where it is the adapter's own. */
export interface ExportPlaces {
  readonly model: Model | null;
  readonly dataset: Dataset | null;
  readonly run: Run | null;
  readonly runs: RunStore | null;
}

/** Where large files lie until they have left. */
export interface LeavingPlaces extends ExportPlaces {
  readonly outbox: Outbox;
}

export async function exportZipAs(
  request: ExportRequest,
  { outbox, ...places }: LeavingPlaces,
  watch: Watch = {},
): Promise<Blob> {
  const { made } = await makeExport(request, places);
  const placed = made.flatMap(({ format, files }) =>
    files.map((file) => renamed(file, `${format}/${file.name}`)),
  );
  const zip = zipChunks(watched(placed, watch));
  return (await outbox.begin(bytesIn(placed))).add(zip, 'application/zip');
}

/** Says how many of all bytes are made, and ends where it is to. */
function watched(files: readonly ExportFile[], { signal, onProgress }: Watch): ExportFile[] {
  const total = bytesIn(files);
  let done = 0;
  return files.map((file) => ({
    ...{ name: file.name, size: file.size },
    async *chunks() {
      for await (const chunk of file.chunks()) {
        if (signal?.aborted === true) throw new TrainerError('cancelled', 'The export was cancelled.');
        yield chunk;
        done += chunk.length;
        onProgress?.({ done, total, note: `Writing ${file.name}` });
      }
    },
  }));
}

/** What `pushExport` would send: paths in the repository and bytes. */
export async function planPush(
  request: ExportRequest,
  places: ExportPlaces,
): Promise<readonly PlannedFile[]> {
  const files = await repositoryOf(request, places);
  return files.map(({ name, size }) => ({ path: name, bytes: size }));
}

export async function pushExport(
  { target, ...request }: PushRequest,
  { outbox, ...places }: LeavingPlaces,
  { signal, onProgress }: Watch & { readonly signal: AbortSignal },
): Promise<PushReport> {
  const { pushFiles } = await import('../hub/push.ts');
  const planned = await repositoryOf(request, places);
  const total = bytesIn(planned);
  const parcel = await outbox.begin(total);
  try {
    const files: FileToPush[] = [];
    for (const file of watched(planned, { signal, ...(onProgress === undefined ? {} : { onProgress }) }))
      files.push({ path: file.name, content: await parcel.add(file.chunks()) });
    return await pushFiles(target, files, {
      signal,
      onProgress: (share, note) => onProgress?.({ done: share * total, total, note }),
    });
  } finally {
    await parcel.discard();
  }
}

async function repositoryOf(request: ExportRequest, places: ExportPlaces): Promise<ExportFile[]> {
  refuseData(request.formats);
  const { made, subject } = await makeExport(request, places);
  const card = subject.records.get('README.md');
  const layout = repositoryLayout(made, card === undefined ? null : bytesFile('README.md', card));
  return layout.map(({ name, file }) => renamed(file, name));
}

/** What the library calls: files of a run (`run.files()`) or of any PEFT adapter, for other tools. */
export interface AdapterExport {
  readonly formats: readonly ExportFormat[]; // not "bundle"
  readonly dtype?: ExportDtype; // default "f32"
  /** The adapter's model, as it is loaded. */
  readonly model: Model;
}

/**
 * Each format's files, in a folder of its name; made while they are read, so that a merged model of gigabytes is never held whole.
 * @throws TrainerError "adapter-invalid", "nothing-to-export", "not-ready" where the adapter is of another model
 */
export async function exportAdapter(
  files: readonly ExportedFile[],
  { formats, dtype = 'f32', model }: AdapterExport,
): Promise<readonly ExportFile[]> {
  const places = { model, dataset: null, run: null, runs: null };
  const { made } = await exportOf(
    await adapterInFiles(files),
    { runId: null, formats, dtype },
    places,
    false,
  );
  return made.flatMap(({ format, files: ofFormat }) =>
    ofFormat.map((file) => renamed(file, `${format}/${file.name}`)),
  );
}

type Exported = { readonly made: readonly FormatFiles<ExportFile>[]; readonly subject: ExportSubject };

/** Its chunks are good until the next one is asked for. */
async function makeExport({ zip, ...request }: ExportRequest, places: ExportPlaces): Promise<Exported> {
  const adapter =
    zip === null ? await adapterOfRun(request.runId, places) : await adapterInFiles(await filesInZip(zip));
  return exportOf(adapter, request, places, true);
}

async function filesInZip(zip: Blob): Promise<readonly ExportedFile[]> {
  const entries = Object.entries(unzipSync(new Uint8Array(await zip.arrayBuffer())));
  return entries.map(([name, bytes]) => ({ name, bytes }));
}

/** Of the run that was trained last as it is here, of another one as it is kept. */
async function adapterOfRun(id: string | null, { run, runs }: ExportPlaces): Promise<TrainedAdapter> {
  if (run !== null && run.id === id) return run.trained();
  if (runs !== null && id !== null) return storedRun(runs, id);
  throw new TrainerError('nothing-to-export', 'There is no adapter to export: train one first.');
}

async function exportOf(
  adapter: TrainedAdapter,
  { runId, formats, dtype }: Omit<ExportRequest, 'zip'>,
  { model, dataset, run, runs }: ExportPlaces,
  isShortLived: boolean,
): Promise<Exported> {
  const identity = () => (runId === null || runs === null ? null : keptIdentity(runs, runId));
  const own = model !== null && isSame(adapter.base, model.loaded.base) ? model : null;
  const subject: ExportSubject = {
    ...adapter,
    model: own?.loaded.config ?? (((await identity())?.modelConfig ?? null) as ModelShape | null),
    chatTemplate: own?.loaded.tokenizer.templateText ?? null,
  };
  const filesAs = async (format: ExportFormat): Promise<ExportFile[]> => {
    if (format === 'merged')
      return mergedFiles(
        subject,
        await openBase(await filesOf(own, subject.base.nameOrPath)),
        dtype,
        isShortLived,
      );
    if (format !== 'bundle') return adapterExport(subject, format, dtype);
    if (own === null) throw notLoaded('The dataset is rendered by', subject.base.nameOrPath);
    const stored = runId === null || runs === null ? null : (await runs.read(runId)).run;
    const data = stored === null ? run?.identity.data : (await identity())?.data;
    const digest = data === undefined || data === '' ? null : data; // empty: of a run that was trained elsewhere and does not say
    return runBundle(subject, { model: own, dataset, run: stored, runs, digest });
  };
  const made: FormatFiles<ExportFile>[] = [];
  for (const format of formats) {
    made.push({ format, files: await filesAs(format) });
  }
  return { made, subject };
}

type Base = Model['loaded']['base'];
const isSame = (a: Base, b: Base): boolean => a.nameOrPath === b.nameOrPath && a.revision === b.revision;

/** As the run's checkpoint remembers it: model with its sizes, and data. A header that cannot be read says that an older one is needed. */
async function keptIdentity(runs: RunStore, id: string): Promise<RunIdentity | null> {
  const source = await runs.checkpointSource(id);
  const found = source === null ? null : await readIdentity(source).catch(() => null);
  return found ?? (await readCheckpoint(await runs.checkpoint(id))).identity;
}

const notLoaded = (what: string, name: string): TrainerError =>
  new TrainerError('not-ready', `${what} the model “${name}”: load that model under “Model” first.`);

/** Where the model came from, read again: what is on the GPU may be quantised. */
async function filesOf(model: Model | null, name: string): Promise<ModelFiles> {
  if (model === null) throw notLoaded('The merged model is made of the weights of', name);
  const { source, engine, loaded } = model;
  if (source.kind !== 'hub') return openModelFiles(source, engine.trainer.host.assets);
  const { hubUrl, ...repo } = source;
  const pinned = loaded.base.revision === null ? repo : { ...repo, revision: loaded.base.revision };
  const files = await openHubFiles({ ...pinned, type: 'model' }, hubUrl === undefined ? {} : { hubUrl });
  return { name: source.id, base: loaded.base, open: (file) => files.open(file) };
}

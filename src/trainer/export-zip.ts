/** A trained adapter in other formats: as one zip with a folder per format, or as a repository of the hub. */
import { unzipSync } from 'fflate';
import type {
  ExportRequest,
  LoadProgress,
  PlannedFile,
  PushReport,
  PushRequest,
} from '../api/trainer-api.ts';
import { adapterExport } from '../exporters/export-adapter.ts';
import { bytesFile, renamed, type ExportFile } from '../exporters/export-file.ts';
import { mergedFiles } from '../exporters/merged.ts';
import { repositoryLayout, type FormatFiles } from '../exporters/repository.ts';
import type { ExportSubject } from '../exporters/subject.ts';
import { blobOf, zipChunks } from '../exporters/zip-stream.ts';
import type { ModelShape } from '../adapter/ggml.ts';
import { openHubFiles } from '../hub/hub-files.ts';
import type { FileToPush } from '../hub/push.ts';
import { openModelFiles, type ModelFiles } from '../model/model-files.ts';
import type { RunStore } from '../runs/run-store.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { readCheckpoint } from './checkpoint.ts';
import { exportSubject, openBase } from './export-subject.ts';
import type { Model } from './model.ts';
import { adapterFilesOf } from './stored-runs.ts';

const adapterNames: readonly string[] = ['adapter_config.json', 'adapter_model.safetensors'];

/** @param model the one that is loaded: it is asked where it is the adapter's own */
export async function exportZipAs(
  request: ExportRequest,
  model: Model | null,
  runs: RunStore | null,
): Promise<Blob> {
  const { made } = await makeExport(request, model, runs);
  const placed = made.flatMap(({ format, files }) =>
    files.map((file) => renamed(file, `${format}/${file.name}`)),
  );
  return blobOf(zipChunks(placed), 'application/zip');
}

/** What `pushExport` would send: paths in the repository and bytes. */
export async function planPush(
  request: ExportRequest,
  model: Model | null,
  runs: RunStore | null,
): Promise<readonly PlannedFile[]> {
  const files = await repositoryOf(request, model, runs);
  return files.map(({ name, size }) => ({ path: name, bytes: size }));
}

export async function pushExport(
  { target, ...request }: PushRequest,
  model: Model | null,
  runs: RunStore | null,
  {
    signal,
    onProgress,
  }: { readonly signal: AbortSignal; readonly onProgress: (progress: LoadProgress) => void },
): Promise<PushReport> {
  const { pushFiles } = await import('../hub/push.ts');
  const planned = await repositoryOf(request, model, runs);
  const total = planned.reduce((sum, { size }) => sum + size, 0);
  const files: FileToPush[] = [];
  for (const file of planned) {
    onProgress({ done: 0, total, note: `Writing ${file.name}` });
    files.push({ path: file.name, content: await blobOf(file.chunks()) });
  }
  return pushFiles(target, files, {
    signal,
    onProgress: (share, note) => onProgress({ done: share * total, total, note }),
  });
}

async function repositoryOf(
  request: ExportRequest,
  model: Model | null,
  runs: RunStore | null,
): Promise<ExportFile[]> {
  const { made, subject } = await makeExport(request, model, runs);
  const card = subject.records.get('README.md');
  const layout = repositoryLayout(made, card === undefined ? null : bytesFile('README.md', card));
  return layout.map(({ name, file }) => renamed(file, name));
}

async function makeExport(
  { zip, runId, formats, dtype }: ExportRequest,
  model: Model | null,
  runs: RunStore | null,
): Promise<{ readonly made: readonly FormatFiles<ExportFile>[]; readonly subject: ExportSubject }> {
  const files = Object.entries(unzipSync(new Uint8Array(await zip.arrayBuffer()))).map(([name, bytes]) => ({
    name,
    bytes,
  }));
  const shape = runId === null || runs === null ? null : await shapeOf(runs, runId);
  const alone = await exportSubject(adapterFilesOf('The adapter', files), {
    model: shape,
    chatTemplate: null,
    records: new Map(
      files.filter(({ name }) => !adapterNames.includes(name)).map(({ name, bytes }) => [name, bytes]),
    ),
  });
  const own = model !== null && isSame(alone.base, model.loaded.base) ? model : null;
  const subject =
    own === null
      ? alone
      : { ...alone, model: own.loaded.config, chatTemplate: own.loaded.tokenizer.templateText };
  const made: FormatFiles<ExportFile>[] = [];
  for (const format of formats) {
    const ofFormat =
      format === 'merged'
        ? await mergedFiles(subject, await openBase(await filesOf(own, subject.base.nameOrPath)), dtype)
        : adapterExport(subject, format, dtype);
    made.push({ format, files: ofFormat });
  }
  return { made, subject };
}

type Base = Model['loaded']['base'];
const isSame = (a: Base, b: Base): boolean => a.nameOrPath === b.nameOrPath && a.revision === b.revision;

/** A run's checkpoint remembers the configuration of its model. */
async function shapeOf(runs: RunStore, id: string): Promise<ModelShape | null> {
  const { identity } = await readCheckpoint(await runs.checkpoint(id));
  return identity === null ? null : (identity.modelConfig as unknown as ModelShape);
}

/** Where the model came from, read again: what is on the GPU may be quantised. */
async function filesOf(model: Model | null, name: string): Promise<ModelFiles> {
  if (model === null)
    throw new TrainerError(
      'not-ready',
      `The merged model is made of the weights of “${name}”: load that model under “Model” first.`,
    );
  const { source, engine, loaded } = model;
  if (source.kind !== 'hub') return openModelFiles(source, engine.trainer.host.assets);
  const { hubUrl, ...repo } = source;
  const pinned = loaded.base.revision === null ? repo : { ...repo, revision: loaded.base.revision };
  const files = await openHubFiles({ ...pinned, type: 'model' }, hubUrl === undefined ? {} : { hubUrl });
  return { name: source.id, base: loaded.base, open: (file) => files.open(file) };
}

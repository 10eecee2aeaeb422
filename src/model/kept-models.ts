/**
 * Models of the hub, kept as they lie on the GPU. A model that was kept is opened without asking the hub: its revision
 * stays at the commit it had. What is damaged, or laid out for another device, is fetched and kept anew.
 */
import { bytesSource, type ByteSource } from '../support/byte-source.ts';
import type { LoadProgress } from '../api/trainer-api.ts';
import { toWire, TrainerError } from '../support/trainer-error.ts';
import type { Gpu } from '../device/open-device.ts';
import { openHubFiles, type HubModel, type HubOptions } from '../hub/hub-files.ts';
import type { WeightFormat } from '../kernels/weight-matrix.ts';
import { openEntries, type Entries, type EntryInfo } from '../storage/entries.ts';
import type { FolderStore } from '../storage/folder-store.ts';
import { readAhead } from '../support/read-ahead.ts';
import { loadModel, type LoadedModel } from './load-model.ts';
import type { ModelFiles } from './model-files.ts';
import { heldAs } from './weights.ts';

/** What an entry says of itself besides its tensors. */
export interface KeptContent {
  readonly revision: string; // as it was asked for
  readonly files: readonly string[]; // config and tokenizer, as blobs "file/<name>"
  readonly maxTensorBytes: number; // of the device: where large matrices are split
  readonly heldAs?: string; // of weights.ts; entries of old versions have none
  readonly notes?: readonly string[]; // of the checkpoint; entries of old versions have none
}
/** A type and not an interface: keys of entries are records of texts. */
export type KeptKey = {
  readonly repo: string; // "owner/name"
  readonly commit: string;
  readonly quantization: string;
};
export type KeptModels = Entries<KeptKey, KeptContent>;
type KeptModelInfo = EntryInfo<KeptKey, KeptContent>;

/** The name of the host's store for them. */
export const keptModelsStore = 'models';
export const keptModelsIn = (store: FolderStore): KeptModels =>
  openEntries(store, ({ repo }) => `kept model ${repo}`);

interface HubLoad {
  readonly loaded: LoadedModel;
  readonly isFromCache: boolean;
  /** Why it was not kept; null: it is kept. */
  readonly notKept: string | null;
}

const defaultRevision = 'main';
/** Of a copy, read from disk and hashed while earlier tensors go to the GPU. */
const aheadBytes = 64 * 2 ** 20;

/** `kept`: null where the browser has no storage for it. Caller disposes `loaded.decoder`. */
export async function loadHubModel(
  gpu: Gpu,
  model: HubModel,
  format: WeightFormat,
  kept: KeptModels | null,
  options: HubOptions,
  onProgress: (progress: LoadProgress) => void,
): Promise<HubLoad> {
  const entries = kept === null ? [] : await findEntries(model, format, kept);
  const entry = entries.find(
    (one) => isCurrent(one) && one.content.maxTensorBytes === gpu.memory.maxTensorBytes,
  );
  if (kept !== null && entry !== undefined) {
    const loaded = await openEntry(gpu, format, kept, entry.key, onProgress);
    if (loaded !== null) return { loaded, isFromCache: true, notKept: null };
  }
  const files = await openHubFiles({ ...model, type: 'model' }, options).catch((error: unknown) => {
    const { code, message } = toWire(error);
    if (code !== 'hub-unreachable' || entries.every(isCurrent)) throw error;
    throw new TrainerError(code, `${message} ${outdated}`);
  });
  const base = { nameOrPath: files.name, revision: files.commit };
  const { recorded, smallFiles } = recordSmallFiles({ ...files, base });
  const loaded = await loadModel(gpu, recorded, format, (progress) => {
    if (options.signal?.aborted) throw new TrainerError('cancelled', 'Loading was cancelled.');
    if (options.onTransfer === undefined) onProgress(progress);
  });
  if (kept === null)
    return { loaded, isFromCache: false, notKept: 'The browser gives this page no storage.' };
  try {
    const key = { repo: model.id, commit: files.commit, quantization: format };
    await keep(gpu, loaded, smallFiles, kept, key, model.revision ?? defaultRevision, (progress) => {
      if (options.signal?.aborted) throw new TrainerError('cancelled', 'Loading was cancelled.');
      onProgress(progress);
    });
    return { loaded, isFromCache: false, notKept: null };
  } catch (error) {
    const { code, message } = toWire(error);
    // A model that is there can be trained, kept or not.
    if (code === 'storage-full' || code === 'storage-unavailable')
      return { loaded, isFromCache: false, notKept: message };
    loaded.decoder.dispose();
    throw error;
  }
}

const outdated =
  'A copy of it that an earlier version kept holds embedding and head in 4 bits, so it is not used: reach the hub once, and it is kept anew.';

/** Whether its tensors lie as they would today. One that is not is fetched anew. */
export const isCurrent = ({ key, content }: Pick<KeptModelInfo, 'key' | 'content'>): boolean =>
  (content.heldAs ?? key.quantization) === heldAs(key.quantization as WeightFormat);

/** Copies of that model, the newest first; another device or an earlier version may have laid them out. */
async function findEntries(
  { id, revision = defaultRevision }: HubModel,
  format: WeightFormat,
  kept: KeptModels,
): Promise<KeptModelInfo[]> {
  return (await kept.list()).filter(
    ({ key, content }) =>
      key.repo === id &&
      key.quantization === format &&
      (content.revision === revision || key.commit === revision),
  );
}

/** null where the copy turned out to be damaged: it has been removed. */
async function openEntry(
  gpu: Gpu,
  format: WeightFormat,
  kept: KeptModels,
  key: KeptKey,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadedModel | null> {
  const entry = await kept.open(key);
  if (entry === null) return null;
  // as they were written: files, then tensors in the order of loading
  const read = readAhead(entry.blobs, (name) => entry.read(name), aheadBytes);
  const files: ModelFiles = {
    name: key.repo,
    base: { nameOrPath: key.repo, revision: key.commit },
    open: async (name) =>
      entry.content.files.includes(name) ? bytesSource(await read(`file/${name}`)) : null,
  };
  try {
    return await loadModel(gpu, files, format, onProgress, {
      tiedHead: !entry.blobs.some(({ name }) => name.startsWith('tensor/head/')),
      notes: entry.content.notes ?? [],
      read: (name) => read(`tensor/${name}`),
    });
  } catch (error) {
    if (toWire(error).code !== 'cache-damaged') throw error;
    await kept.remove(key);
    return null;
  }
}

/** What is read as a whole is configuration and tokenizer; weights are read in ranges. */
function recordSmallFiles(files: ModelFiles): { recorded: ModelFiles; smallFiles: Map<string, Uint8Array> } {
  const smallFiles = new Map<string, Uint8Array>();
  const record = (name: string, source: ByteSource): ByteSource => ({
    size: source.size,
    read: async (start, end) => {
      const bytes = await source.read(start, end);
      if (start === 0 && end === source.size && !name.endsWith('.safetensors')) smallFiles.set(name, bytes);
      return bytes;
    },
  });
  const recorded: ModelFiles = {
    name: files.name,
    base: files.base,
    open: async (name) => {
      const source = await files.open(name);
      return source === null ? null : record(name, source);
    },
  };
  return { recorded, smallFiles };
}

async function keep(
  gpu: Gpu,
  { decoder, notes }: LoadedModel,
  smallFiles: ReadonlyMap<string, Uint8Array>,
  kept: KeptModels,
  key: KeptKey,
  revision: string,
  onProgress: (progress: LoadProgress) => void,
): Promise<void> {
  const { named } = decoder.weights;
  const total = [...named.values()].reduce((sum, tensor) => sum + tensor.byteSize, 0);
  let done = 0;
  const writer = await kept.create(key);
  try {
    for (const [name, bytes] of smallFiles) await writer.write(`file/${name}`, bytes);
    for (const [name, tensor] of named) {
      onProgress({ done, total, note: 'Keeping a copy for the next time' });
      const words = await gpu.memory.readUint32(tensor);
      await writer.write(`tensor/${name}`, new Uint8Array(words.buffer));
      done += tensor.byteSize;
    }
    const { maxTensorBytes } = gpu.memory;
    await writer.publish({
      revision,
      files: [...smallFiles.keys()],
      maxTensorBytes,
      heldAs: heldAs(decoder.weights.format),
      notes,
    });
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Where a dataset comes from, as files to read. What was downloaded from the hub is kept for the next reading of it. */
import type { FileBytes } from '../api/file-bytes.ts';
import type { DatasetSource, HubDatasetSource, LoadProgress } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { oneFile, type DatasetFiles } from '../data/read-files.ts';
import type { Assets } from '../host/host.ts';
import { downloadHubDataset } from '../hub/hub-dataset.ts';
import { readAhead } from './read-ahead.ts';

export interface DatasetOpener {
  open(
    source: DatasetSource,
    signal: AbortSignal,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<DatasetFiles>;
  /** Without a download. */
  openLocal(source: DatasetSource): Promise<DatasetFiles>;
}

/** `storedFile`: the data file that was kept with a run. */
export function createDatasetOpener(
  assets: Assets,
  storedFile: (runId: string) => Promise<Blob>,
): DatasetOpener {
  let downloaded: { readonly key: string; readonly data: DatasetFiles } | null = null;

  const fromHub = async (
    source: HubDatasetSource,
    signal: AbortSignal,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<DatasetFiles> => {
    const key = keyOf(source);
    if (downloaded?.key === key) return downloaded.data;
    downloaded = null; // two of them may be too many for the browser
    const data = await downloadHubDataset(source, {
      signal,
      onTransfer: ({ file, ...transfer }) => onProgress({ ...transfer, note: file }),
    });
    downloaded = { key, data };
    return data;
  };
  const openLocal = async (source: DatasetSource): Promise<DatasetFiles> => {
    switch (source.kind) {
      case 'file':
        return oneFile(source.name, source.file);
      case 'url':
        return oneFile(source.name, await openAddress(source, assets));
      case 'builtin':
        return oneFile(source.name, await openBuiltin(source.name, assets));
      case 'stored':
        return oneFile(source.name, await storedFile(source.runId));
      case 'hub':
        if (downloaded?.key === keyOf(source)) return downloaded.data;
        throw new TrainerError('dataset-unreadable', `${source.id} has not been downloaded.`);
      default:
        return source satisfies never;
    }
  };
  return {
    openLocal,
    open: (source, signal, onProgress) =>
      source.kind === 'hub' ? fromHub(source, signal, onProgress) : openLocal(source),
  };
}

/** Everything but the token: a new one gives the same files. */
function keyOf({ id, revision, path, hubUrl }: HubDatasetSource): string {
  return JSON.stringify([id, revision, path, hubUrl]);
}

async function openAddress(
  { name, url }: Extract<DatasetSource, { kind: 'url' }>,
  assets: Assets,
): Promise<FileBytes> {
  const source = await assets.open(url);
  if (source === null) throw new TrainerError('dataset-unreadable', `${name} is not found at ${url}.`);
  return readAhead(source);
}

async function openBuiltin(name: string, assets: Assets): Promise<Blob> {
  const blob = await assets.blob(`datasets/${name}.jsonl`);
  if (blob === null) throw new TrainerError('dataset-unreadable', `There is no built-in dataset "${name}".`);
  return blob;
}

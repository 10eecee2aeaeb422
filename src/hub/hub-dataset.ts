/** A dataset of the hub, found and downloaded: what the reader gets is the same as a picked file. */
import type { ByteSource } from '../support/byte-source.ts';
import type { HubDatasetReport, HubDatasetSource } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { DatasetFiles } from '../data/read-files.ts';
import { formatBytes } from '../support/units.ts';
import { choicesOf, chosen, reportOf } from './dataset-choices.ts';
import { openHubFiles, type HubFiles, type HubOptions } from './hub-files.ts';

/** Up to this a file is read in one range, and its hash is compared with the hub's. */
const WHOLE_BYTES = 32 << 20;
/** A larger file in ranges of this size: each becomes a blob, which the browser may put on disk. */
const RANGE_BYTES = 16 << 20;
const MAX_DOWNLOAD_BYTES = 4 * 2 ** 30;

type Options = Pick<HubOptions, 'policy' | 'signal' | 'onTransfer'>;

/** @throws TrainerError as `openHubFiles`, and "dataset-unreadable" */
export async function findHubDataset(
  source: HubDatasetSource,
  options: Options = {},
): Promise<HubDatasetReport> {
  const files = await open(source, options);
  return reportOf(choicesOf(source.id, files.paths, files.sizes));
}

/** @throws TrainerError as `findHubDataset`, and "dataset-ambiguous" */
export async function downloadHubDataset(
  source: HubDatasetSource,
  options: Options = {},
): Promise<DatasetFiles> {
  const hub = await open(source, options);
  const { path, files, bytes } = chosen(source.id, choicesOf(source.id, hub.paths, hub.sizes), source.path);
  const name = `${source.id}/${path}`;
  if (bytes > MAX_DOWNLOAD_BYTES)
    throw new TrainerError(
      'dataset-unreadable',
      `${name} has ${formatBytes(bytes)}; at most ${formatBytes(MAX_DOWNLOAD_BYTES)} are downloaded. Name one of its files: ${files[0]}, …`,
    );
  const downloaded: { name: string; blob: Blob }[] = [];
  for (const file of files) {
    const remote = await hub.open(file);
    if (remote !== null) downloaded.push({ name: file, blob: await toBlob(remote) });
  }
  return { name, files: downloaded };
}

function open({ kind: _, hubUrl, ...repo }: HubDatasetSource, options: Options): Promise<HubFiles> {
  return openHubFiles(
    { ...repo, type: 'dataset' },
    { ...options, ...(hubUrl === undefined ? {} : { hubUrl }) },
  );
}

async function toBlob(source: ByteSource): Promise<Blob> {
  const { size } = source;
  const step = size <= WHOLE_BYTES ? size : RANGE_BYTES;
  const parts: Blob[] = [];
  for (let start = 0; start < size; start += step)
    parts.push(
      new Blob([(await source.read(start, Math.min(start + step, size))) as Uint8Array<ArrayBuffer>]),
    );
  return new Blob(parts);
}

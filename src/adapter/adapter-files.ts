/**
 * An adapter in what a user has chosen or dropped: the files of a PEFT or MLX folder, a GGUF file, or a zip of one, as the
 * download of a run and an export are.
 */
import type { AdapterFiles } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { unzip } from '../support/unzip.ts';
import { isGguf } from './gguf-file.ts';

export const adapterConfigName = 'adapter_config.json';
/** By PEFT, and by mlx-lm. */
export const adapterWeightNames = ['adapter_model.safetensors', 'adapters.safetensors'] as const;

interface Entry {
  readonly path: string;
  readonly blob: Blob;
}

/** One adapter, and the path by which it is named. */
interface Candidate extends Pick<AdapterFiles, 'config' | 'weights'> {
  readonly path: string;
}

const invalid = (message: string, detail: string | null = null): TrainerError =>
  new TrainerError('adapter-invalid', message, detail);
const baseName = (path: string): string => path.replace(/^.*[/\\]/, '');
const folderOf = (path: string): string => path.slice(0, path.length - baseName(path).length);
const depth = (path: string): number => path.split(/[/\\]/).length;

/** @throws TrainerError "adapter-invalid" */
export async function findAdapterFiles(name: string, files: readonly File[]): Promise<AdapterFiles> {
  const [only] = files;
  const entries =
    files.length === 1 && (await isZip(only))
      ? await zipEntries(name, only)
      : files.map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
  const { config, weights } = highest(name, await candidatesAmong(entries)) ?? missing(name, entries);
  return { name, config, weights };
}

/** By folder: config and weights, or else each GGUF file. */
async function candidatesAmong(entries: readonly Entry[]): Promise<Candidate[]> {
  const folders = new Map<string, Entry[]>();
  for (const entry of entries) {
    const folder = folderOf(entry.path);
    folders.set(folder, [...(folders.get(folder) ?? []), entry]);
  }
  const found: Candidate[] = [];
  for (const inside of folders.values()) {
    const named = (name: string): Entry | undefined => inside.find(({ path }) => baseName(path) === name);
    const config = named(adapterConfigName);
    const weights = adapterWeightNames.map(named).find((entry) => entry !== undefined);
    if (config !== undefined && weights !== undefined) {
      found.push({ path: config.path, config: config.blob, weights: weights.blob });
      continue;
    }
    for (const { path, blob } of inside)
      if (await isGguf(blob)) found.push({ path, config: null, weights: blob });
  }
  return found;
}

/** Trainers keep checkpoints in folders below: the adapter that lies highest is meant. null: there is none. */
function highest(name: string, found: readonly Candidate[]): Candidate | null {
  const least = Math.min(...found.map(({ path }) => depth(path)));
  const best = found.filter(({ path }) => depth(path) === least);
  if (best.length <= 1) return best.at(0) ?? null;
  const peft = best.find(({ path }) => baseName(folderOf(path).slice(0, -1)) === 'peft');
  if (peft !== undefined && best.every(({ path }) => isExport(path))) return peft;
  const places = best.map(({ path }) => path).slice(0, 5);
  throw invalid(`“${name}” holds several adapters (${places.join(', ')}). Choose the folder of one.`);
}

/** The page's own export has the same adapter in a folder of each format. */
const isExport = (path: string): boolean => /(^|[/\\])(peft|mlx|gguf)[/\\][^/\\]+$/.test(path);

function missing(name: string, entries: readonly Entry[]): never {
  const has = (pattern: RegExp): boolean => entries.some(({ path }) => pattern.test(baseName(path)));
  if (has(/^adapter_model\.(bin|pt)$/))
    throw invalid(
      `“${name}” has its weights as a pickle of PyTorch, which can run code and is not opened. Save them again with save_pretrained(…, safe_serialization=True).`,
    );
  const lacking = [
    ...(has(/^adapter_config\.json$/) ? [] : [adapterConfigName]),
    ...(has(/^adapter(s|_model)\.safetensors$/) ? [] : [adapterWeightNames[0]]),
  ];
  const what = lacking.length > 0 ? `no ${lacking.join(' and no ')}` : 'its files in different folders';
  throw invalid(
    `“${name}” has ${what}. Choose both files of a PEFT or MLX adapter, its folder, a zip of it, or a GGUF adapter.`,
  );
}

async function isZip(file: File): Promise<boolean> {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return head.join() === '80,75,3,4'; // "PK", 3, 4
}

const inZip = /^(adapter_config\.json|adapters\.safetensors|adapter_model\.(safetensors|bin|pt)|.*\.gguf)$/;

async function zipEntries(name: string, file: File): Promise<Entry[]> {
  const unzipped = await unzip(file, (path) => inZip.test(baseName(path)));
  if (unzipped.kind === 'broken')
    throw invalid(`“${name}” is not a zip that can be read, or is cut short.`, unzipped.reason);
  if (unzipped.kind === 'too-large')
    throw invalid(`The adapter in “${name}” is larger than 2 GiB. Unpack it first.`);
  return Object.entries(unzipped.files).map(([path, content]) => ({
    path,
    blob: new Blob([content as BlobPart]),
  }));
}

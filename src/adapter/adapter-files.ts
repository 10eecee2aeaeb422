/** An adapter in what a user has chosen or dropped: the files of a PEFT folder, or a zip of it, as the download of a run is. */
import { unzipSync, type UnzipFileInfo } from 'fflate';
import type { AdapterFiles } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';

const wanted = ['adapter_config.json', 'adapter_model.safetensors'] as const;
/** What a zip may unpack to: it is held whole. */
const mostZipBytes = 2 ** 31;

interface Entry {
  readonly path: string;
  readonly blob: Blob;
}

const invalid = (message: string, detail: string | null = null): TrainerError =>
  new TrainerError('adapter-invalid', message, detail);
const baseName = (path: string): string => path.replace(/^.*[/\\]/, '');
const depth = (path: string): number => path.split(/[/\\]/).length;

/** @throws TrainerError "adapter-invalid" */
export async function findAdapterFiles(name: string, files: readonly File[]): Promise<AdapterFiles> {
  const [only] = files;
  const entries =
    files.length === 1 && (await isZip(only))
      ? await zipEntries(name, only)
      : files.map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
  const [config, weights] = wanted.map((file) => nearest(name, file, entries));
  if (config !== null && weights !== null) return { name, config: config.blob, weights: weights.blob };
  if (entries.some(({ path }) => /^adapter_model\.(bin|pt)$/.test(baseName(path))))
    throw invalid(
      `“${name}” has its weights as a pickle of PyTorch, which can run code and is not opened. Save them again with save_pretrained(…, safe_serialization=True).`,
    );
  const missing = wanted.filter((_, i) => [config, weights][i] === null);
  throw invalid(
    `“${name}” has no ${missing.join(' and no ')}. Choose both files of a PEFT adapter, its folder, or a zip of it.`,
  );
}

/** Trainers keep checkpoints in folders below: the adapter that lies highest is meant. */
function nearest(name: string, file: string, entries: readonly Entry[]): Entry | null {
  const found = entries.filter(({ path }) => baseName(path) === file);
  if (found.length === 0) return null;
  const least = Math.min(...found.map(({ path }) => depth(path)));
  const highest = found.filter(({ path }) => depth(path) === least);
  if (highest.length === 1) return highest[0];
  const places = highest.map(({ path }) => path).slice(0, 5);
  throw invalid(`“${name}” holds several adapters (${places.join(', ')}). Choose the folder of one.`);
}

async function isZip(file: File): Promise<boolean> {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return head.join() === '80,75,3,4'; // "PK", 3, 4
}

async function zipEntries(name: string, file: File): Promise<Entry[]> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let total = 0;
  const isWanted = ({ name: path, originalSize }: UnzipFileInfo): boolean => {
    if (!/^adapter_(config\.json|model\.(safetensors|bin|pt))$/.test(baseName(path))) return false;
    total += originalSize;
    return total <= mostZipBytes;
  };
  let unpacked: Record<string, Uint8Array>;
  try {
    unpacked = unzipSync(bytes, { filter: isWanted });
  } catch (error) {
    throw invalid(`“${name}” is not a zip that can be read, or is cut short.`, String(error));
  }
  if (total > mostZipBytes) throw invalid(`The adapter in “${name}” is larger than 2 GiB. Unpack it first.`);
  return Object.entries(unpacked).map(([path, content]) => ({
    path,
    blob: new Blob([content as BlobPart]),
  }));
}

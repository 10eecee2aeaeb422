/** An adapter that the command line names: a folder of PEFT's or mlx-lm's, or a GGUF file, alone or in a folder. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { adapterConfigName, adapterWeightNames } from '../../src/adapter/adapter-files.ts';
import type { AdapterFiles } from '../../src/api/trainer-api.ts';
import type { ServedAdapter } from '../../src/headless/commands.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { isFile, isFolder } from './files.ts';
import { requireInside, type Input } from './inputs.ts';

interface AdapterPlace {
  readonly folder: string;
  readonly config: string | null; // names in it
  readonly weights: string;
}

const invalid = (message: string): TrainerError => new TrainerError('adapter-invalid', message);

/** @throws TrainerError "adapter-invalid", "model-file-invalid" */
export function placeOfAdapter(path: string): AdapterPlace {
  const found = isFile(path) ? lone(path) : inFolder(path);
  requireInside(found.folder, found.config === null ? [found.weights] : [found.config, found.weights]);
  return found;
}

function lone(path: string): AdapterPlace {
  if (path.endsWith('.gguf'))
    return { folder: dirname(resolve(path)), config: null, weights: basename(path) };
  if (path.endsWith('.zip')) throw invalid(`${path} is a zip: unpack it, and give its folder.`);
  throw invalid(`${path} is a file: give the folder of a PEFT or MLX adapter, or a *.gguf file.`);
}

function inFolder(path: string): AdapterPlace {
  if (!isFolder(path)) throw invalid(`${path} is not a folder.`);
  const folder = resolve(path);
  const weights = adapterWeightNames.find((name) => isFile(join(folder, name)));
  if (isFile(join(folder, adapterConfigName)) && weights !== undefined)
    return { folder, config: adapterConfigName, weights };
  const ggufs = readdirSync(folder).filter((name) => name.endsWith('.gguf'));
  if (ggufs.length === 1) return { folder, config: null, weights: ggufs[0] };
  if (ggufs.length > 1) throw invalid(`${path} holds ${ggufs.length} GGUF files: give one of them.`);
  throw invalid(
    `${path} has no ${isFile(join(folder, adapterConfigName)) ? adapterWeightNames[0] : adapterConfigName}.`,
  );
}

/** What the engine is told, and the part of this machine it may read for it. */
export function adapterInput(path: string): Input<ServedAdapter> {
  const { folder, config, weights } = placeOfAdapter(path);
  const urlOf = (name: string): string => `/local/adapter/${encodeURIComponent(name)}`;
  const served = {
    name: basename(config === null ? weights : folder),
    configUrl: config === null ? null : urlOf(config),
    weightsUrl: urlOf(weights),
  };
  return { served, mounts: [{ prefix: 'local/adapter', path: folder }] };
}

/** The same, read here. */
export function readAdapterPlace(path: string): AdapterFiles {
  const { folder, config, weights } = placeOfAdapter(path);
  const read = (name: string): Blob => new Blob([readFileSync(join(folder, name))]);
  return { name: path, config: config === null ? null : read(config), weights: read(weights) };
}

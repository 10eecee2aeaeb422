/** Checks what the command line names, as far as that is possible before anything is started. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { HubDatasetSource } from '../../src/api/trainer-api.ts';
import { parseHubAddress } from '../../src/support/hub-address.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import type { SuiteQuestions } from '../../src/data/row-index.ts';
import { readTokenizerFiles, type TokenizerFiles } from '../../src/data/tokenizer-folder.ts';
import type { ServedDataset, ServedModel } from '../../src/headless/commands.ts';
import { publicFolder } from './paths.ts';
import { isFile, isFolder, isObject, readJson } from './files.ts';
import { fileInside, type Mount } from '../../src/host/node/mounts.ts';

/** What the page is told, and the part of this machine it may read for it. */
export interface Input<T> {
  readonly served: T;
  readonly mounts: readonly Mount[];
}

export const datasetsFolder = join(publicFolder, 'datasets');
export const demoFolder = join(publicFolder, 'models/demo');

function requireModelFiles(folder: string): void {
  const configPath = join(folder, 'config.json');
  for (const name of ['config.json', 'tokenizer.json']) {
    if (!isFile(join(folder, name)))
      throw new TrainerError(
        'model-file-missing',
        `${folder} has no ${name}. A model folder holds config.json, tokenizer.json, tokenizer_config.json and *.safetensors.`,
      );
  }
  const names = readdirSync(folder);
  if (!names.some((name) => name.endsWith('.safetensors')))
    throw new TrainerError('model-file-missing', `${folder} has no *.safetensors file with the weights.`);
  requireInside(
    folder,
    names.filter((name) => /\.(json|safetensors|jinja)$/.test(name)),
  );
  try {
    if (!isObject(readJson(configPath))) throw new SyntaxError('it is not a JSON object');
  } catch (error) {
    throw new TrainerError('model-file-invalid', `${configPath} cannot be read: ${reasonOf(error)}.`);
  }
}

/** Links out of a folder are not followed when it is read: said here, not as a file that is missing. */
export function requireInside(folder: string, names: readonly string[]): void {
  const away = names.find((name) => isFile(join(folder, name)) && fileInside(folder, name) === null);
  if (away === undefined) return;
  throw new TrainerError(
    'model-file-invalid',
    `${away} in ${folder} is a link to a place outside of it, and such links are not followed. Give the folder that it leads to, or copy the file.`,
  );
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Which hub, and the token for it; the token stays in this process and the page's memory. */
export interface HubAccess {
  readonly url: string | null; // null: the public one
  readonly token: string | undefined;
}
export const hubAccess = (url: string | null): HubAccess => ({ url, token: process.env['HF_TOKEN'] });
const publicHub = (): HubAccess => hubAccess(null);

/** A repository of the hub, as the page names it. @throws TrainerError "config-invalid" */
function hubSource(
  id: string,
  revision: string | undefined,
  { url, token }: HubAccess,
): Pick<HubDatasetSource, 'kind' | 'id' | 'revision' | 'hubUrl' | 'token'> {
  if (url !== null && !/^https?:\/\/[^/]/.test(url))
    throw new TrainerError(
      'config-invalid',
      `--hub-url ${url} is no address that begins with http:// or https://.`,
    );
  return {
    kind: 'hub',
    id,
    ...(revision === undefined ? {} : { revision }),
    ...(url === null ? {} : { hubUrl: url }),
    ...(token === undefined || token.trim() === '' ? {} : { token }),
  };
}

/**
 * `demo`, a folder in Hugging Face layout, or a model of the hub as owner/name or owner/name@revision.
 * `prefix`: where a folder is served; two models of one session need two.
 */
export function modelInput(
  name: string,
  hub: HubAccess = publicHub(),
  prefix = 'local/model',
): Input<ServedModel> {
  if (name === 'demo') {
    requireModelFiles(demoFolder);
    return { served: { kind: 'demo' }, mounts: [] };
  }
  if (isFolder(name)) {
    const folder = resolve(name);
    requireModelFiles(folder);
    const served = { kind: 'url', name: basename(folder), baseUrl: `/${prefix}/`, path: folder } as const;
    return { served, mounts: [{ prefix, path: folder }] };
  }
  const [, id, revision] = /^([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/.exec(name) ?? [];
  // A path that is not there is more likely a slip than a model of the hub.
  if (id !== undefined && !name.startsWith('.')) return { served: hubSource(id, revision, hub), mounts: [] };
  throw new TrainerError(
    'model-file-missing',
    `${name} is neither "demo", nor a folder, nor a model of the hub (owner/name or owner/name@revision).`,
  );
}

export function builtinDatasets(): readonly string[] {
  return readdirSync(datasetsFolder)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => basename(name, '.jsonl'));
}

/**
 * null: no address of the hub. Models need no such mark because they are folders: "data/mine.jsonl" looks like owner and name,
 * and a slip must not leave the machine.
 */
function hubDataset(name: string, hub: HubAccess): HubDatasetSource | null {
  const address = parseHubAddress(name);
  if (address === null) return null;
  const { id, revision, path } = address;
  return { ...hubSource(id, revision ?? undefined, hub), ...(path === null ? {} : { path }) };
}

/** A file, the name of a built-in dataset, or one of the hub. */
export function datasetInput(name: string, hub: HubAccess = publicHub()): Input<ServedDataset> {
  if (name === '')
    throw new TrainerError('dataset-unreadable', '--dataset is missing: only the demo model has a default.');
  const onHub = hubDataset(name, hub);
  if (onHub !== null) return { served: onHub, mounts: [] };
  if (isFile(name)) {
    const served = { kind: 'url', name: basename(name), url: '/local/dataset' } as const;
    return { served, mounts: [{ prefix: 'local/dataset', path: resolve(name) }] };
  }
  if (builtinDatasets().includes(name)) return { served: { kind: 'builtin', name }, mounts: [] };
  const what = existsSync(name) ? 'is not a file' : 'does not exist';
  throw new TrainerError(
    'dataset-unreadable',
    `${name} ${what}; give a JSONL, JSON, CSV, TSV or Parquet file, a dataset of the hub as hf://datasets/owner/name, or one of the built-in sets: ${builtinDatasets().join(', ')}.`,
  );
}

/** `demo`, or a folder; weights are not needed. @throws TrainerError "model-file-missing" or "model-file-invalid" */
export async function tokenizerFiles(model: string): Promise<TokenizerFiles> {
  const folder = model === 'demo' ? demoFolder : model;
  if (!isFolder(folder))
    throw new TrainerError('model-file-missing', `${model} is neither "demo" nor a folder.`);
  const files = await readTokenizerFiles(folder, (name) => {
    const path = join(folder, name);
    return Promise.resolve(isFile(path) ? readFileSync(path, 'utf8') : null);
  });
  const configPath = join(folder, 'config.json');
  return { ...files, modelConfig: isFile(configPath) ? modelConfigOf(configPath) : null };
}

function modelConfigOf(path: string): Record<string, unknown> {
  try {
    const value = readJson(path);
    if (isObject(value)) return value;
    throw new SyntaxError('it is not a JSON object');
  } catch (error) {
    throw new TrainerError('model-file-invalid', `${path} cannot be read: ${reasonOf(error)}.`);
  }
}

/** The evaluation suites that come with the page. */
export function readBuiltinSuites(): SuiteQuestions[] {
  const { suites } = readJson(join(datasetsFolder, 'demo-suites.json')) as { suites: SuiteQuestions[] };
  return suites;
}

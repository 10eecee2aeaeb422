/** A model's folder: one of the host's, or picked by the user. Those of the hub: hub/hub-files.ts. */
import { blobSource, type ByteSource } from '../support/byte-source.ts';
import type { ModelSource } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { Assets } from '../host/host.ts';
import { parseJson } from '../support/parse-json.ts';

/** How others find the model that an adapter belongs to: what PEFT writes as base_model_name_or_path and revision. */
export interface BaseModel {
  readonly nameOrPath: string;
  readonly revision: string | null;
}

export interface ModelFiles {
  readonly name: string;
  readonly base: BaseModel;
  /** null: there is no such file. */
  open(name: string): Promise<ByteSource | null>;
}

export function openModelFiles(source: Exclude<ModelSource, { kind: 'hub' }>, assets: Assets): ModelFiles {
  const inFolder = (name: string, nameOrPath: string, folder: string): ModelFiles => ({
    name,
    base: { nameOrPath, revision: null },
    open: (file) => assets.open(`${folder}${file}`),
  });
  switch (source.kind) {
    case 'demo':
      return inFolder('demo', 'demo', 'models/demo/');
    case 'url':
      return inFolder(
        source.name,
        source.path ?? source.name,
        source.baseUrl.endsWith('/') ? source.baseUrl : `${source.baseUrl}/`,
      );
    case 'files': {
      const byName = new Map(source.files.map((file) => [file.name, file]));
      return {
        name: source.name,
        base: { nameOrPath: source.path ?? source.name, revision: null },
        open: (name) => {
          const file = byName.get(name);
          return Promise.resolve(file === undefined ? null : blobSource(file));
        },
      };
    }
    default:
      return source satisfies never;
  }
}

/** @throws TrainerError "model-file-missing" or "model-file-invalid". */
export async function readJson(files: ModelFiles, name: string): Promise<Record<string, unknown>> {
  const json = await readOptionalJson(files, name);
  if (json === null)
    throw new TrainerError(
      'model-file-missing',
      `The model "${files.name}" has no ${name}. A Hugging Face model folder with config.json, tokenizer.json, tokenizer_config.json and safetensors weights is needed.`,
    );
  return json;
}

export async function readOptionalJson(
  files: ModelFiles,
  name: string,
): Promise<Record<string, unknown> | null> {
  const text = await readOptionalText(files, name);
  if (text === null) return null;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new TrainerError(
      'model-file-invalid',
      `${name} of the model "${files.name}" is not JSON.`,
      String(error),
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TrainerError(
      'model-file-invalid',
      `${name} of the model "${files.name}" is not a JSON object.`,
    );
  }
  return value as Record<string, unknown>;
}

/**
 * Files that are read whole into memory, by how large they may be: several times the largest of published models (tokenizer.json 34 MB
 * in Gemma 3, tokenizer_config.json 2 MB), so that one of gigabytes is refused before a byte of it is read.
 */
const mostBytes: Readonly<Record<string, number>> = {
  'tokenizer.json': 128 * 2 ** 20,
  'tokenizer_config.json': 32 * 2 ** 20,
  'model.safetensors.index.json': 64 * 2 ** 20,
};
const mostBytesOfOthers = 16 * 2 ** 20;

/** null: there is no such file. @throws TrainerError "model-file-invalid" where it is too large to be one */
export async function readOptionalText(files: ModelFiles, name: string): Promise<string | null> {
  const source = await files.open(name);
  if (source === null) return null;
  const most = mostBytes[name] ?? mostBytesOfOthers;
  if (source.size > most)
    throw new TrainerError(
      'model-file-invalid',
      `${name} of the model "${files.name}" has ${source.size} bytes, and at most ${most} are read: it is no ${name} that a model has.`,
    );
  return new TextDecoder().decode(await source.read(0, source.size));
}

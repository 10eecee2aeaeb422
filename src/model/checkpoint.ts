/**
 * The weights of a model folder: which file holds each tensor, under which of its names, and what of them is not used.
 * As transformers 5.18 reads them: model.safetensors goes before shards; names may lack `model.` (a checkpoint of the
 * backbone) or have it twice; whether the head is the embedding is decided by config.json and the tensors together.
 */
import { isFloat } from '../adapter/float-formats.ts';
import { openSafetensors, type SafetensorsFile } from '../adapter/safetensors.ts';
import { TrainerError } from '../support/trainer-error.ts';
import {
  checkpointTensors,
  elementCount,
  embeddingName,
  headName,
} from '../architecture/checkpoint-tensors.ts';
import { findTensor, type FoundTensor, type TensorLookup } from './load-weights.ts';
import type { ModelConfig } from './model-config.ts';
import { readOptionalJson, type ModelFiles } from './model-files.ts';
import { textOf } from '../support/text-of.ts';

export interface Checkpoint {
  readonly lookup: TensorLookup;
  /** Is the head the embedding? config.json alone does not say. */
  readonly tiedHead: boolean;
  /** What the files say and is not used, in sentences. */
  readonly notes: readonly string[];
  readonly files: ReadonlyMap<string, SafetensorsFile>; // by name
}

interface Shards {
  readonly files: ReadonlyMap<string, SafetensorsFile>;
  /** From a tensor's name to its file, where there is an index. */
  readonly index: ReadonlyMap<string, string>;
}

/** Everything is checked but the values. @throws TrainerError "model-file-missing" or "model-file-invalid" */
export async function openCheckpoint(files: ModelFiles, config: ModelConfig): Promise<Checkpoint> {
  const shards = await openShards(files);
  const used = new Set<string>();
  const located = new Map<string, FoundTensor>();
  for (const { name } of checkpointTensors({ ...config, tiedHead: false })) {
    const found = await locate(shards, name);
    if (found === undefined) continue;
    located.set(name, found);
    used.add(found.name);
  }
  const { tiedHead, note } = await decideHead(config, located);
  const wanted = checkpointTensors({ ...config, tiedHead });
  const lookup: TensorLookup = (name) => located.get(name);
  const names = [...shards.files.values()].flatMap(({ tensors }) => [...tensors.keys()]);
  for (const { name, shape } of wanted) {
    if (lookup(name) === undefined) throw missing(name, names);
    findTensor(lookup, name, shape);
  }
  const unused = names.filter((name) => !used.has(name) && !isDerived(name));
  const notes = [...note, ...unusedNote([...new Set(unused)])];
  return { lookup, tiedHead, notes, files: shards.files };
}

/** Buffers that old versions of transformers stored and that follow from config.json. */
const isDerived = (name: string): boolean => /(^|\.)(rotary_emb\.inv_freq|position_ids)$/.test(name);

function unusedNote(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const some = names.slice(0, 5).join(', ');
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return [
    `Of the weights, ${names.length === 1 ? 'a tensor is' : `${names.length} tensors are`} not used: ${some}${more}.`,
  ];
}

function missing(name: string, names: readonly string[]): TrainerError {
  const similar = names.find((other) => other.endsWith(`.${name}`));
  const hint =
    name === headName
      ? ' and tie_word_embeddings is not true: transformers would start with a random head. Set it to true in config.json if the head is the embedding'
      : similar === undefined
        ? ''
        : `. There is "${similar}": names with that prefix are not read, rename them`;
  return new TrainerError(
    'model-file-invalid',
    `The weights have no tensor "${name}", which config.json calls for${hint}.`,
  );
}

/** Under each of the names that transformers would take for it. */
async function locate(shards: Shards, name: string): Promise<FoundTensor | undefined> {
  const names = [name, `model.${name}`, ...(name.startsWith('model.') ? [name.slice('model.'.length)] : [])];
  const found: FoundTensor[] = [];
  for (const candidate of names) {
    const one = await inShards(shards, candidate);
    if (one !== undefined) found.push(one);
  }
  if (found.length < 2) return found[0];
  throw new TrainerError(
    'model-file-invalid',
    `The weights have both "${found[0].name}" and "${found[1].name}", which are one tensor of the model.`,
  );
}

/**
 * The index says which shard it is in. transformers takes the last shard that has it, whatever the index says: where the
 * two are not the same values, neither is right.
 */
async function inShards({ files, index }: Shards, name: string): Promise<FoundTensor | undefined> {
  const holders = [...files].filter(([, file]) => file.tensors.has(name));
  const last = holders.at(-1);
  if (last === undefined) return undefined;
  const [chosenName, chosen] = holders.find(([fileName]) => fileName === index.get(name)) ?? last;
  const at = (file: SafetensorsFile): FoundTensor => ({
    file,
    name,
    shape: file.tensors.get(name)?.shape ?? [],
  });
  if (chosen !== last[1] && !(await haveSameValues(at(chosen), at(last[1]))))
    throw new TrainerError(
      'model-file-invalid',
      `"${name}" lies in ${chosenName}, where the index says it is, and with other values in ${last[0]}.`,
    );
  const dtype = chosen.tensors.get(name)?.dtype ?? '';
  if (isFloat(dtype)) return at(chosen);
  throw new TrainerError(
    'model-file-invalid',
    `"${name}" is ${dtype}, and F64, F32, F16 and BF16 are supported: the model's weights must be floating-point numbers.`,
  );
}

/** As transformers' `tie_weights`: a head of its own is kept whatever the flag says, and either may stand for both. */
async function decideHead(
  config: ModelConfig,
  located: Map<string, FoundTensor>,
): Promise<{ tiedHead: boolean; note: readonly string[] }> {
  const [own, embedded] = [located.get(headName), located.get(embeddingName)];
  if (!config.tiedHead) return { tiedHead: false, note: [] };
  if (own === undefined) return { tiedHead: true, note: [] };
  if (embedded === undefined) {
    located.set(embeddingName, own);
    return { tiedHead: true, note: [`"${own.name}" is the embedding too: config.json ties them.`] };
  }
  if (await haveSameValues(own, embedded)) return { tiedHead: true, note: [] };
  return {
    tiedHead: false,
    note: [
      `config.json has tie_word_embeddings true, but "${own.name}" differs from the embedding: it is used as the head it is, as in transformers.`,
    ],
  };
}

const comparedElements = 2 ** 20;

/** Read in ranges; ends at the first difference. */
async function haveSameValues(a: FoundTensor, b: FoundTensor): Promise<boolean> {
  if (a.shape.join() !== b.shape.join()) return false;
  const count = elementCount(a);
  for (let first = 0; first < count; first += comparedElements) {
    const range = [first, Math.min(count, first + comparedElements)] as const;
    const [x, y] = await Promise.all([a.file.readFloat32(a.name, range), b.file.readFloat32(b.name, range)]);
    if (x.some((value, i) => value !== y[i])) return false;
  }
  return true;
}

/** The files with the weights, their headers checked. @throws TrainerError "model-file-missing" or "model-file-invalid" */
async function openShards(files: ModelFiles): Promise<Shards> {
  const single = await files.open('model.safetensors');
  if (single !== null)
    return { files: new Map([['model.safetensors', await openSafetensors(single)]]), index: new Map() };
  const index = await readOptionalJson(files, 'model.safetensors.index.json');
  if (index === null) {
    throw new TrainerError(
      'model-file-missing',
      `The model "${files.name}" has neither model.safetensors nor model.safetensors.index.json. Pickle weights (pytorch_model.bin) are not read; convert them to safetensors.`,
    );
  }
  const map = weightMap(index['weight_map']);
  const opened = await Promise.all(
    [...new Set(map.values())].sort().map(async (name) => {
      const source = await files.open(name);
      if (source === null)
        throw new TrainerError(
          'model-file-missing',
          `The shard ${name} of the model "${files.name}" is missing.`,
        );
      return [name, await openSafetensors(source)] as const;
    }),
  );
  return { files: new Map(opened), index: map };
}

/** From tensors to files. A name that leaves the folder is not followed. */
function weightMap(map: unknown): Map<string, string> {
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new TrainerError('model-file-invalid', 'model.safetensors.index.json has no weight_map.');
  const entries: [string, unknown][] = Object.entries(map);
  for (const [, name] of entries)
    if (typeof name !== 'string' || !/^[\w.-]+\.safetensors$/.test(name))
      throw new TrainerError(
        'model-file-invalid',
        `model.safetensors.index.json names ${textOf(name)}, which is no *.safetensors file of its folder.`,
      );
  return new Map(entries as [string, string][]);
}

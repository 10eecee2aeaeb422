/** Model folder → decoder on the GPU and tokenizer. Everything is checked before a byte of a weight is read. */
import { openSafetensors, type SafetensorsFile } from '../adapter/safetensors.ts';
import type { LoadProgress } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import { readTokenizerFiles } from '../data/tokenizer-folder.ts';
import { createChatTokenizer, type ChatTokenizer } from '../data/tokenizer.ts';
import type { Gpu } from '../device/open-device.ts';
import type { WeightFormat } from '../kernels/weight-matrix.ts';
import { checkpointTensors } from './checkpoint-tensors.ts';
import { Decoder } from './decoder.ts';
import { parseModelConfig, type ModelConfig } from './model-config.ts';
import { readJson, readOptionalJson, readOptionalText, type ModelFiles } from './model-files.ts';
import { findTensor, loadWeights, type TensorLookup, type WeightSource } from './load-weights.ts';

export interface LoadedModel {
  readonly name: string;
  readonly config: ModelConfig;
  readonly tokenizer: ChatTokenizer;
  readonly decoder: Decoder;
}

const bytesPerWeight: Readonly<Record<WeightFormat, number>> = { f32: 4, f16: 2, int8: 1, nf4: 0.5 };

/** `copy`: reads tensors that were kept instead of the checkpoint's. Caller disposes `decoder`. */
export async function loadModel(
  gpu: Gpu,
  files: ModelFiles,
  format: WeightFormat,
  onProgress: (progress: LoadProgress) => void,
  copy: ((name: string) => Promise<Uint8Array>) | null = null,
): Promise<LoadedModel> {
  const modelConfig = await readJson(files, 'config.json');
  const config = parseModelConfig(modelConfig);
  const tokenizerFiles = await readTokenizerFiles(`The model "${files.name}"`, (name) =>
    readOptionalText(files, name),
  );
  const tokenizer = createChatTokenizer({ ...tokenizerFiles, modelConfig });
  const strange = tokenizer.eosIds.find((id) => id >= config.vocabSize);
  if (strange !== undefined)
    throw new TrainerError(
      'model-file-invalid',
      `Answers end with id ${strange}, but the model's vocab_size is ${config.vocabSize}: they do not belong together.`,
    );
  const source: WeightSource =
    copy === null
      ? { kind: 'checkpoint', lookup: lookupIn(await openShards(files)) }
      : { kind: 'copy', read: copy };
  if (source.kind === 'checkpoint') checkShapes(config, source.lookup);
  const perWeight = bytesPerWeight[format];
  const weights = await loadWeights(gpu, config, format, source, (done, total) =>
    onProgress({ done: done * perWeight, total: total * perWeight, note: 'Weights' }),
  );
  return { name: files.name, config, tokenizer, decoder: new Decoder(gpu, config, weights) };
}

/** Before a byte of a weight is read: a download of gigabytes does not end in a shape that was wrong from the start. */
function checkShapes(config: ModelConfig, lookup: TensorLookup): void {
  for (const { name, shape } of checkpointTensors(config)) findTensor(lookup, name, shape);
}

function lookupIn(shards: readonly SafetensorsFile[]): TensorLookup {
  return (name) => {
    for (const file of shards) {
      const info = file.tensors.get(name);
      if (info !== undefined) return { file, shape: info.shape };
    }
    return undefined;
  };
}

async function openShards(files: ModelFiles): Promise<SafetensorsFile[]> {
  const single = await files.open('model.safetensors');
  if (single !== null) return [await openSafetensors(single)];
  const index = await readOptionalJson(files, 'model.safetensors.index.json');
  if (index === null) {
    throw new TrainerError(
      'model-file-missing',
      `The model "${files.name}" has neither model.safetensors nor model.safetensors.index.json. Pickle weights (pytorch_model.bin) are not read; convert them to safetensors.`,
    );
  }
  const names = shardNames(index['weight_map']);
  return Promise.all(
    names.map(async (name) => {
      const source = await files.open(name);
      if (source === null)
        throw new TrainerError(
          'model-file-missing',
          `The shard ${name} of the model "${files.name}" is missing.`,
        );
      return openSafetensors(source);
    }),
  );
}

/** From tensors to files. A name that leaves the folder is not followed. */
function shardNames(map: unknown): string[] {
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new TrainerError('model-file-invalid', 'model.safetensors.index.json has no weight_map.');
  const names = [...new Set(Object.values(map))];
  for (const name of names)
    if (typeof name !== 'string' || !/^[\w.-]+\.safetensors$/.test(name))
      throw new TrainerError(
        'model-file-invalid',
        `model.safetensors.index.json names ${JSON.stringify(name)}, which is no *.safetensors file of its folder.`,
      );
  return (names as string[]).sort();
}

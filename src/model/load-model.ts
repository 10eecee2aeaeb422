/** Model folder → decoder on the GPU and tokenizer. Everything is checked before a byte of a weight is read. */
import type { LoadProgress } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { readTokenizerFiles } from '../data/tokenizer-folder.ts';
import { createChatTokenizer, type ChatTokenizer } from '../data/tokenizer.ts';
import type { Gpu } from '../device/open-device.ts';
import type { WeightFormat } from '../kernels/weight-matrix.ts';
import { openCheckpoint } from './checkpoint.ts';
import { Decoder } from './decoder.ts';
import { parseModelConfig, type ModelConfig } from './model-config.ts';
import { readJson, readOptionalText, type BaseModel, type ModelFiles } from './model-files.ts';
import { loadWeights, type WeightSource } from './load-weights.ts';

export interface LoadedModel {
  readonly name: string;
  readonly base: BaseModel;
  readonly config: ModelConfig;
  /** What the checkpoint says and is not used, in sentences. */
  readonly notes: readonly string[];
  readonly tokenizer: ChatTokenizer;
  readonly decoder: Decoder;
}

/** Tensors that were kept, as they lie on the GPU, and what was known of the checkpoint then. */
interface ModelCopy {
  readonly tiedHead: boolean;
  readonly notes: readonly string[];
  read(name: string): Promise<Uint8Array>;
}

/** `copy`: reads tensors that were kept instead of the checkpoint's. Caller disposes `decoder`. */
export async function loadModel(
  gpu: Gpu,
  files: ModelFiles,
  format: WeightFormat,
  onProgress: (progress: LoadProgress) => void,
  copy: ModelCopy | null = null,
): Promise<LoadedModel> {
  const modelConfig = await readJson(files, 'config.json');
  const described = parseModelConfig(modelConfig);
  const tokenizerFiles = await readTokenizerFiles(`The model "${files.name}"`, (name) =>
    readOptionalText(files, name),
  );
  const tokenizer = createChatTokenizer({ ...tokenizerFiles, modelConfig });
  const strange = tokenizer.eosIds.find((id) => id >= described.vocabSize);
  if (strange !== undefined)
    throw new TrainerError(
      'model-file-invalid',
      `The tokenizer ends answers with id ${strange}, but the model's vocab_size is ${described.vocabSize}: they do not belong together.`,
    );
  const checkpoint = copy === null ? await openCheckpoint(files, described) : null;
  const { tiedHead, notes } = checkpoint ?? (copy as ModelCopy);
  const config = { ...described, tiedHead };
  const source: WeightSource =
    checkpoint === null
      ? { kind: 'copy', read: (name) => (copy as ModelCopy).read(name) }
      : { kind: 'checkpoint', lookup: checkpoint.lookup };
  const weights = await loadWeights(gpu, config, format, source, (done, total) =>
    onProgress({ done, total, note: 'Weights' }),
  );
  return {
    name: files.name,
    base: files.base,
    config,
    notes: [...new Set([...notes, ...tokenizer.notes])], // a copy brings those it was kept with
    tokenizer,
    decoder: new Decoder(gpu, config, weights),
  };
}

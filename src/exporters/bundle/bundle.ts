/**
 * A run bundle: a run as a folder for machines with more GPUs, trained there by TRL and PEFT under Accelerate. The dataset goes as
 * the ids that were made here, in the order in which the steps take them, and the adapter with the values the run begins with,
 * so that the losses are those of this run. train.py and the other files that are the same for every run lie in public/bundle.
 */
import type { DecoderWidths } from '../../architecture/modules.ts';
import { toRawRunConfig, type RunConfig } from '../../config/run-config.ts';
import type { BaseModelName, LoraModule } from '../../adapter/peft.ts';
import { renamed, textFile, type ExportFile } from '../export-file.ts';
import { peftFiles } from '../peft.ts';
import { bundleReadme } from './readme.ts';
import { rowsFile, stepsFile, type BundleRow, type StepRows } from './rows.ts';

export const bundleFormat = 'alttrain-web-bundle-1';

/** Below public/: the same in every bundle. */
export const bundleKit = [
  'train.py',
  'requirements.txt',
  ...['one-gpu', 'ddp', 'fsdp', 'deepspeed-zero3'].map((name) => `accelerate/${name}.yaml`),
  'slurm.sbatch',
  'sky.yaml',
] as const;

/** The values that the first step begins with. */
export type BundleStart =
  | { readonly kind: 'fresh'; readonly modules: readonly LoraModule[] } // those of the seed
  | { readonly kind: 'adapter'; readonly name: string; readonly modules: readonly LoraModule[] };

export interface BundleData {
  readonly name: string;
  /** Where it came from, as a sentence. */
  readonly origin: string;
  /** Of every token, of what is trained, by which weight, and of where rows begin. */
  readonly digest: string;
}

export interface BundleContent {
  readonly config: RunConfig;
  readonly base: BaseModelName;
  readonly model: DecoderWidths & { readonly family: string };
  readonly data: BundleData;
  readonly rows: readonly BundleRow[];
  readonly heldOut: readonly BundleRow[];
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** Places in `rows`. */
  rowsOf(step: number): StepRows;
  readonly start: BundleStart;
  /** What was trained here; null: nothing was yet. */
  readonly trained: readonly LoraModule[] | null;
  /** Of public/bundle, by name. */
  readonly kit: ReadonlyMap<string, string>;
  /** The base itself, where nobody could download it. */
  readonly modelFiles: readonly ExportFile[];
}

export function bundleFiles(content: BundleContent): ExportFile[] {
  const { rows, heldOut, totalSteps, start, trained, kit, modelFiles } = content;
  return [
    textFile('README.md', bundleReadme(content)),
    textFile('config.json', `${JSON.stringify(bundleConfig(content), null, 2)}\n`),
    ...[...kit].map(([name, text]) => textFile(name, text)),
    ...adapterIn('start', start.modules, content),
    ...(trained === null ? [] : adapterIn('trained', trained, content)),
    ...modelFiles.map((file) => renamed(file, `model/${file.name}`)),
    rowsFile('data/rows.jsonl', rows),
    ...(heldOut.length > 0 ? [rowsFile('data/held_out.jsonl', heldOut)] : []),
    stepsFile('data/steps.jsonl', totalSteps, (step) => content.rowsOf(step)),
  ];
}

export const isWeighted = ({ rows, heldOut }: Pick<BundleContent, 'rows' | 'heldOut'>): boolean =>
  [rows, heldOut].some((some) => some.some(({ weights = null }) => weights !== null));

/** What train.py reads, and what a run that comes back is known by. */
function bundleConfig(content: BundleContent): Record<string, unknown> {
  const { config, base, model, data, rows, heldOut, totalSteps, stepsPerEpoch, start } = content;
  return {
    format: bundleFormat,
    base_model: {
      name_or_path: base.nameOrPath,
      revision: base.revision,
      architecture: {
        model_type: model.family,
        hidden_size: model.hiddenSize,
        intermediate_size: model.intermediateSize,
        num_hidden_layers: model.layerCount,
        num_attention_heads: model.headCount,
        num_key_value_heads: model.kvHeadCount,
        vocab_size: model.vocabSize,
      },
      head_dim: model.headSize,
    },
    data,
    rows: { train: rows.length, held_out: heldOut.length },
    weighted: isWeighted(content),
    packed: config.packing,
    total_steps: totalSteps,
    steps_per_epoch: stepsPerEpoch,
    start: start.kind === 'fresh' ? `fresh values of seed ${config.seed}` : start.name,
    run: toRawRunConfig(config),
  };
}

const adapterIn = (
  folder: string,
  modules: readonly LoraModule[],
  { config, base }: BundleContent,
): ExportFile[] =>
  peftFiles({ settings: config, modules, base, chatTemplate: null }, 'f32').map((file) =>
    renamed(file, `${folder}/${file.name}`),
  );

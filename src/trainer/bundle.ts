/** What a run bundle holds, from the run's settings, its model's sizes and its dataset as tokens. Needs no GPU. */
import type { BaseModelName, LoraModule } from '../adapter/peft.ts';
import type { RememberedDataset } from '../api/stored-runs.ts';
import type { AdapterFiles, DatasetSource } from '../api/trainer-api.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import { bundleKit, type BundleContent, type BundleStart } from '../exporters/bundle/bundle.ts';
import { sourceFile, type ExportFile } from '../exporters/export-file.ts';
import type { Assets } from '../host/host.ts';
import { fromModules, initialValues, planAdapter, toModules } from '../model/adapter.ts';
import type { ModelConfig } from '../model/model-config.ts';
import { createRng } from '../support/rng.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { BatchPlan } from './batch-plan.ts';
import { checkHeldOut, checkLengths } from './check-rows.ts';
import { requireOneSize, requireSameShape } from './first-snapshot.ts';
import { readAdapter } from './read-adapter.ts';
import { RowPlan } from './row-plan.ts';
import { dataDigest } from './run-identity.ts';

export interface BundleParts {
  readonly config: RunConfig;
  readonly base: BaseModelName;
  readonly model: ModelConfig;
  readonly examples: readonly TokenizedExample[];
  readonly data: { readonly name: string; readonly source: DatasetSource | RememberedDataset };
  /** Of the run that is taken away, where it is known: other data are refused. */
  readonly digest: string | null;
  /** What the run begins with; null: the values of its seed. */
  readonly initAdapter: AdapterFiles | null;
  /** Of a run that began with an adapter that is not at hand: its name. Then the bundle starts from what was trained. */
  readonly startedFrom: string | null;
  readonly trained: readonly LoraModule[] | null;
  readonly assets: Assets;
}

/** @throws TrainerError "dataset-unreadable" where the data are not the run's, "config-invalid", "adapter-invalid" */
export async function bundleContent(parts: BundleParts): Promise<BundleContent> {
  const { config, base, model, examples, data, trained, assets } = parts;
  checkLengths(examples, model.maxPositions, config);
  const digest = await dataDigest(examples);
  requireSameData(parts, digest);
  const { split, units } = new RowPlan(examples, config);
  checkHeldOut(split, config);
  const batches = new BatchPlan(units, config);
  const placeOf = new Map(split.train.map((row, place) => [row, place]));
  return {
    config,
    base,
    model,
    data: { name: data.name, origin: originOf(data), digest },
    rows: split.train.map((row) => examples[row]),
    heldOut: split.evaluation.map((row) => examples[row]),
    totalSteps: batches.totalSteps,
    stepsPerEpoch: batches.stepsPerEpoch,
    rowsOf: (step) =>
      batches.unitsOf(step).map((micro) => micro.map((unit) => unit.map((row) => placeOf.get(row) ?? -1))),
    start: await startOf(parts),
    trained,
    kit: await readKit(assets),
    modelFiles: base.nameOrPath === 'demo' ? await demoFiles(assets) : [],
  };
}

function requireSameData({ digest, data }: BundleParts, found: string): void {
  if (digest === null || digest === found) return;
  throw new TrainerError(
    'dataset-unreadable',
    `${data.name} is not what the run was trained on: its tokens have the digest ${found}, the run's ${digest}. Give the file of the run; with another, its losses would be others.`,
  );
}

async function startOf(parts: BundleParts): Promise<BundleStart> {
  const { config, model, initAdapter, startedFrom, trained } = parts;
  const plan = planAdapter(model, config);
  if (initAdapter === null && startedFrom !== null && trained !== null)
    return {
      kind: 'adapter',
      name: `what the run has trained, because it began with the adapter “${startedFrom}”, which is not in this bundle`,
      modules: trained,
    };
  if (initAdapter === null)
    return {
      kind: 'fresh',
      modules: toModules(plan, config, initialValues(plan, config, createRng(config.seed))),
    };
  const { settings, modules, isUniform } = await readAdapter(initAdapter, model);
  requireOneSize(isUniform);
  requireSameShape(settings, config);
  fromModules(plan, settings, modules); // says what does not fit
  return { kind: 'adapter', name: `the adapter ${initAdapter.name}`, modules };
}

function originOf({ name, source }: BundleParts['data']): string {
  switch (source.kind) {
    case 'hub': {
      const revision = source.revision === undefined ? '' : `@${source.revision}`;
      return `From the hub: hf://datasets/${source.id}${revision}${source.path === undefined ? '' : `/${source.path}`}.`;
    }
    case 'builtin':
      return `The dataset ${name} that is built into AltTrain Web.`;
    case 'url':
    case 'file':
    case 'stored':
      return `The file ${name}, as it was opened in AltTrain Web.`;
    default:
      return source satisfies never;
  }
}

async function readKit(assets: Assets): Promise<Map<string, string>> {
  const texts = await Promise.all(
    bundleKit.map(async (name) => {
      const blob = await assets.blob(`bundle/${name}`);
      if (blob === null)
        throw new TrainerError(
          'nothing-to-export',
          `bundle/${name} of this app is not found: it is needed for a run bundle. Is the app whole, and reachable?`,
        );
      return [name, await blob.text()] as const;
    }),
  );
  return new Map(texts);
}

const demoNames = [
  'config.json',
  'generation_config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
];

async function demoFiles(assets: Assets): Promise<ExportFile[]> {
  const found = await Promise.all(
    demoNames.map(async (name) => [name, await assets.open(`models/demo/${name}`)] as const),
  );
  return found.flatMap(([name, source]) => (source === null ? [] : [sourceFile(name, source)]));
}

/**
 * A run that was trained elsewhere, by train.py of a bundle or by any Trainer of transformers, as a run of this store: its curve, and its
 * adapter where there is one. It can be looked at, compared, exported and started from. It cannot go on: the optimizer's moments
 * stay there.
 */
import type { ModelShape } from '../adapter/ggml.ts';
import { toRawLoraSettings, type BaseModelName, type LoraSettings } from '../adapter/peft-config.ts';
import type { LoraModule } from '../adapter/peft.ts';
import type { RememberedModel, RunHead, StoredRecord } from '../api/stored-runs.ts';
import type { ForeignRun } from '../api/exports.ts';
import {
  parseRunConfig,
  requireRunConfig,
  toRawRunConfig,
  type RawRunConfig,
  type RunConfig,
} from '../config/run-config.ts';
import { bundleFormat } from '../exporters/bundle/bundle.ts';
import { fromModules, planAdapter, type AdapterPlan } from '../model/adapter.ts';
import type { ModelConfig } from '../model/model-config.ts';
import type { RunStore } from '../runs/run-store.ts';
import { parseJson } from '../support/parse-json.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { baseOfAdapter } from './export-subject.ts';
import { requireOneSize, requireSameShape } from './first-snapshot.ts';
import { readAdapter } from './read-adapter.ts';
import { RunRecord } from './run-results.ts';
import { readTrainerState, type TrainerState } from './trainer-state.ts';

/** A model that is known here, with the sizes that an adapter is held against. */
export interface KnownModel {
  readonly name: string;
  readonly base: BaseModelName;
  readonly source: RememberedModel;
  readonly config: ModelConfig;
}

export interface ImportedRun {
  readonly head: RunHead;
  readonly record: RunRecord;
  readonly records: readonly StoredRecord[];
  readonly digest: string; // of its data; "": not known
  /** null: there was none, and only the curve is there. */
  readonly adapter: {
    readonly plan: AdapterPlan;
    readonly values: Float32Array;
    readonly model: ImportedModel;
  } | null;
  /** What is not read and not known, as sentences. */
  readonly notes: readonly string[];
}

/** What is known of a model from a bundle's config.json; enough for its adapters. */
type ImportedModel = ModelConfig | ModelShape;

/** What train.py puts beside the adapter. */
interface BundleConfig {
  readonly base: BaseModelName;
  readonly model: ModelShape;
  readonly data: string; // name
  readonly digest: string; // of the data
  readonly rows: { readonly train: number; readonly heldOut: number };
  readonly start: string;
  readonly config: RunConfig;
}

/** @param model one that is open; asked where there is an adapter and no bundle_config.json. @throws TrainerError */
export async function importRun(foreign: ForeignRun, model: KnownModel | null): Promise<ImportedRun> {
  const state = readTrainerState(await foreign.state.text());
  const bundle = foreign.bundle === null ? null : readBundleConfig(await foreign.bundle.text());
  const read = foreign.adapter === null ? null : await readAdapter(foreign.adapter, model?.config ?? null);
  const base = await baseOf(foreign, bundle);
  const { config, settings, unknown } = settingsOf(state, bundle, read?.settings ?? null);
  const own = model !== null && model.base.nameOrPath === base.nameOrPath ? model : null;
  let adapter: ImportedRun['adapter'] = null;
  if (read !== null) {
    requireOneSize(read.isUniform);
    if (bundle !== null) requireSameShape(read.settings, config);
    const sizes = bundle?.model ?? model?.config ?? null;
    if (sizes === null) throw noSizes(base.nameOrPath);
    const { plan, values } = valuesOf(sizes, config, read.modules);
    adapter = { plan, values, model: sizes };
  }
  const name = own?.name ?? shortName(base.nameOrPath);
  const counts = countsOf(bundle);
  const data = bundle?.data ?? 'data that are not known';
  const record = new RunRecord(
    config,
    { model: name, base, dataset: data },
    { ...counts, totalSteps: state.totalSteps },
    'trained elsewhere',
    { step: 0, progress: null, records: [] },
  );
  for (const one of state.records) {
    if (one.kind === 'step') record.addStep(one.report);
    else if (one.kind === 'eval-loss') record.addEvalLoss(one.step, one.loss);
  }
  record.metrics.endWindow();
  record.metrics.close();
  record.finishAt({ step: state.step, seconds: state.seconds, tokens: state.tokens });
  const notes = [...state.notes, ...unknown];
  return {
    head: headOf({
      state,
      bundle,
      base,
      name,
      data,
      settings,
      counts,
      notes,
      record,
      source: own?.source ?? null,
    }),
    record,
    records: state.records,
    digest: bundle?.digest ?? '',
    adapter,
    notes,
  };
}

/** Puts it among the runs. Gives its id. @throws TrainerError "storage-full", "storage-unavailable" */
export async function keepImported(
  { head, records, adapter, record, digest }: ImportedRun,
  runs: RunStore,
): Promise<string> {
  const log = await runs.create(head);
  try {
    for (const one of records) log.add(one);
    const { config, model, dataset } = record;
    const zeros = (): Float32Array => new Float32Array(adapter?.values.length ?? 0);
    const checkpoint =
      adapter === null
        ? {}
        : {
            checkpoint: {
              step: head.step,
              bytes: writeCheckpoint(
                {
                  step: head.step,
                  parameters: adapter.values,
                  firstMoment: zeros(),
                  secondMoment: zeros(),
                  progress: record.progress,
                  best: null,
                },
                config,
                { model, dataset, data: digest, weights: '', modelConfig: { ...adapter.model } },
                head.totalSteps,
              ),
            },
          };
    await log.save({ head, ...checkpoint });
    return log.id;
  } finally {
    await log.close();
  }
}

function valuesOf(
  sizes: ImportedModel,
  config: RunConfig,
  modules: readonly LoraModule[],
): { readonly plan: AdapterPlan; readonly values: Float32Array } {
  const plan = planAdapter(sizes as ModelConfig, config);
  return { plan, values: fromModules(plan, config, modules) };
}

/** The bundle's settings, or what the two files say; what neither says is listed, and is shown as the defaults are. */
function settingsOf(
  state: TrainerState,
  bundle: BundleConfig | null,
  adapter: LoraSettings | null,
): { readonly config: RunConfig; readonly settings: RawRunConfig; readonly unknown: readonly string[] } {
  if (bundle !== null) {
    const { loggingSteps } = bundle.config;
    const own = Number(state.settings['logging_steps']);
    const config = own === loggingSteps ? bundle.config : { ...bundle.config, loggingSteps: own };
    return { config, settings: toRawRunConfig(config), unknown: [] };
  }
  const all: RawRunConfig = { ...state.settings, ...(adapter === null ? {} : toRawLoraSettings(adapter)) };
  const { problems } = parseRunConfig(all);
  const settings = Object.fromEntries(
    Object.entries(all).filter(([name]) => !problems.some(({ file }) => file === name)),
  );
  return {
    config: requireRunConfig(settings),
    settings,
    unknown: [
      `Known of its settings: ${Object.keys(settings).join(', ')} (learning_rate as its highest in the log). The others are not in these files, and are shown as the defaults are.`,
    ],
  };
}

async function baseOf({ adapter }: ForeignRun, bundle: BundleConfig | null): Promise<BaseModelName> {
  const named = adapter === null ? null : await baseOfAdapter(adapter);
  const isNamed = named !== null && named.nameOrPath !== '';
  if (bundle !== null) {
    if (isNamed && named.nameOrPath !== bundle.base.nameOrPath)
      throw new TrainerError(
        'adapter-invalid',
        `The adapter belongs to ${named.nameOrPath}, and the run of bundle_config.json to ${bundle.base.nameOrPath}: these files are not of one run.`,
      );
    return bundle.base;
  }
  return isNamed ? named : { nameOrPath: 'a model that is not known', revision: named?.revision ?? null };
}

const noSizes = (name: string): TrainerError =>
  new TrainerError(
    'not-ready',
    `An adapter alone does not say the sizes of its model: open ${name} first (in the page under “Model”, with the command as --model), or give bundle_config.json, which train.py of a run bundle writes.`,
  );

const isHubName = (name: string): boolean => /^[\w.-]+\/[\w.-]+$/.test(name) && !name.startsWith('.');
const shortName = (name: string): string => (isHubName(name) ? name : (name.split('/').at(-1) ?? name));

function sourceOf({ nameOrPath, revision }: BaseModelName): RememberedModel {
  if (nameOrPath === 'demo') return { kind: 'demo' };
  if (!isHubName(nameOrPath)) return { kind: 'files', name: shortName(nameOrPath) };
  return { kind: 'hub', id: nameOrPath, ...(revision === null ? {} : { revision }) };
}

function countsOf(bundle: BundleConfig | null): RunHead['counts'] {
  const { train, heldOut } = bundle?.rows ?? { train: 0, heldOut: 0 };
  return { rows: train + heldOut, trainRows: train, evaluationRows: heldOut, examples: train };
}

interface HeadParts {
  readonly state: TrainerState;
  readonly bundle: BundleConfig | null;
  readonly base: BaseModelName;
  readonly name: string;
  readonly data: string;
  readonly settings: RawRunConfig;
  readonly counts: RunHead['counts'];
  readonly notes: readonly string[];
  readonly record: RunRecord;
  readonly source: RememberedModel | null;
}

function headOf(parts: HeadParts): RunHead {
  const { state, bundle, base, name, data, settings, counts, notes, record, source } = parts;
  const now = Date.now();
  return {
    title: '',
    notes: notes.join(' '),
    createdMs: now,
    updatedMs: now,
    state: state.isFinished ? 'finished' : 'stopped',
    failure: null,
    settings,
    model: { name, base, source: source ?? sourceOf(base) },
    dataset: { name: data, source: { kind: 'file', name: data, isKept: false } },
    counts,
    device: 'trained elsewhere',
    step: state.step,
    totalSteps: state.totalSteps,
    stepsPerEpoch: state.stepsPerEpoch,
    startedFrom: bundle === null || bundle.start.startsWith('fresh values') ? null : bundle.start,
    lossLast: record.progress.lossLast,
    before: null,
    after: null,
    result: record.result(state.isFinished),
    isImported: true,
  };
}

const badBundle = (why: string): TrainerError =>
  new TrainerError('checkpoint-invalid', `bundle_config.json cannot be used: ${why}`);

function familyOf(name: string): ModelShape['family'] {
  if (name === 'qwen2' || name === 'qwen3' || name === 'llama') return name;
  throw badBundle(`its model_type is ${name}, which is none of qwen2, qwen3 and llama.`);
}

function readBundleConfig(text: string): BundleConfig {
  let raw: Record<string, unknown>;
  try {
    raw = (parseJson(text) ?? {}) as Record<string, unknown>;
  } catch {
    throw badBundle('it is no whole JSON.');
  }
  if (raw['format'] !== bundleFormat) throw badBundle(`it is none of the format ${bundleFormat}.`);
  const part = (of: Record<string, unknown>, name: string): Record<string, unknown> => {
    const value = of[name];
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw badBundle(`it has no ${name}.`);
    return value as Record<string, unknown>;
  };
  const count = (of: Record<string, unknown>, name: string): number => {
    const value = of[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw badBundle(`its ${name} is no number.`);
    return value;
  };
  const words = (value: unknown, name: string): string => {
    if (typeof value === 'string') return value;
    throw badBundle(`it has no ${name}.`);
  };
  const base = part(raw, 'base_model');
  const sizes = part(base, 'architecture');
  const rows = part(raw, 'rows');
  return {
    base: {
      nameOrPath: words(base['name_or_path'], 'name_or_path'),
      revision: typeof base['revision'] === 'string' ? base['revision'] : null,
    },
    model: {
      family: familyOf(words(sizes['model_type'], 'model_type')),
      hiddenSize: count(sizes, 'hidden_size'),
      intermediateSize: count(sizes, 'intermediate_size'),
      layerCount: count(sizes, 'num_hidden_layers'),
      headCount: count(sizes, 'num_attention_heads'),
      kvHeadCount: count(sizes, 'num_key_value_heads'),
      headSize: count(base, 'head_dim'),
      vocabSize: count(sizes, 'vocab_size'),
    },
    data: words(part(raw, 'data')['name'], 'data.name'),
    digest: words(part(raw, 'data')['digest'], 'data.digest'),
    rows: { train: count(rows, 'train'), heldOut: count(rows, 'held_out') },
    start: words(raw['start'], 'start'),
    config: requireRunConfig(part(raw, 'run')),
  };
}

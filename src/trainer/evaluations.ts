/**
 * Evaluations of the open model: whose suites, whose adapter, where the answers are kept. How prompts become answers and answers
 * become figures stands in src/evaluation, which the command line uses too.
 */
import type {
  AdapterChoice,
  EvaluationHead,
  EvaluationProgress,
  EvaluationRequest,
  EvaluationResults,
  GenerationSettings,
  ResultRow,
  StoredEvaluation,
  Suite,
  SuiteFile,
  SuiteSource,
  Variant,
} from '../api/evaluations.ts';
import type { ExportedFile } from '../api/exports.ts';
import type { AdapterFiles } from '../api/trainer-api.ts';
import { refusalPhrases } from '../alttrain/judge.ts';
import { oneFile, type DatasetFiles } from '../data/read-files.ts';
import { engineGenerator } from '../evaluation/answers/engine-generator.ts';
import { answerCount, evaluate, storedAnswers, type Answers } from '../evaluation/answers/evaluate.ts';
import type { AnswerStore } from '../evaluation/answers/store.ts';
import { textJudges } from '../evaluation/judges/judge.ts';
import { judgeRows, resultsOf } from '../evaluation/results.ts';
import { parseMapping } from '../evaluation/suites/mapping.ts';
import { readSuite, type ReadSuite } from '../evaluation/suites/read-suite.ts';
import { sampleSuite, uniquelyNamed } from '../evaluation/suites/suite.ts';
import type { Adapter } from '../model/adapter.ts';
import { weightsFingerprint } from '../model/weights-fingerprint.ts';
import type { EvaluationLog, EvaluationStore, KeptEvaluation } from '../runs/evaluation-store.ts';
import { digest, sha256 } from '../support/sha256.ts';
import { toWire, TrainerError } from '../support/trainer-error.ts';
import type { Model } from './model.ts';
import { adapterFilesOf, rememberedModel } from './stored-runs.ts';
import { promptIds } from './traces.ts';
import type { Trainer } from './trainer.ts';

/** As the command line asks: sampled answers depend on it, and figures are to be the same. */
const promptsPerBatch = 32;

const hashDigits = 16;

// ---- suites ----

export async function readSuiteFile(
  trainer: Trainer,
  { source, mapping }: Omit<SuiteFile, 'names'>,
): Promise<ReadSuite> {
  return readSuite(await openSuiteFile(trainer, source), parseMapping(mapping));
}

async function openSuiteFile(trainer: Trainer, source: SuiteSource): Promise<DatasetFiles> {
  if (source.kind !== 'demo') return trainer.openDataset(source);
  const blob = await trainer.demoSuites();
  if (blob !== null) return oneFile('demo-suites.json', blob);
  throw new TrainerError('dataset-unreadable', 'The suites of the demo do not come with this page.');
}

export async function suitesOf(
  trainer: Trainer,
  { files, sampleRows, sampleSeed }: Pick<EvaluationRequest, 'files' | 'sampleRows' | 'sampleSeed'>,
): Promise<Suite[]> {
  const suites: Suite[] = [];
  for (const file of files) {
    const read = await readSuiteFile(trainer, file);
    const chosen = read.suites.filter(({ name }) => file.names?.includes(name) ?? true);
    suites.push(
      ...chosen.map((suite) => (sampleRows === null ? suite : sampleSuite(suite, sampleRows, sampleSeed))),
    );
  }
  if (suites.length === 0) throw new TrainerError('config-invalid', 'Choose a suite to be asked.');
  return uniquelyNamed(suites);
}

// ---- whose answers ----

/** An adapter that can be asked, by what it was trained from. */
interface ChosenAdapter {
  readonly runId: string | null;
  readonly source: AdapterFiles;
  readonly hash: string;
}

/** What an evaluation may take of the run that was trained last. */
export interface TrainedRun {
  readonly id: string | null;
  readonly name: string;
  files(): Promise<ExportedFile[]>;
}

/** @throws TrainerError "nothing-to-export", "run-not-found", "checkpoint-invalid" */
async function chosenAdapter(
  trainer: Trainer,
  choice: AdapterChoice,
  current: TrainedRun | null,
): Promise<ChosenAdapter | null> {
  if (choice.kind === 'none') return null;
  if (choice.kind === 'current') {
    if (current === null)
      throw new TrainerError('nothing-to-export', 'There is no adapter yet: train one first.');
    return adapterOf(current.id, adapterFilesOf(current.name, await current.files()));
  }
  return adapterOf(choice.runId, await trainer.adapterFiles({ runId: choice.runId }));
}

async function adapterOf(runId: string | null, source: AdapterFiles): Promise<ChosenAdapter> {
  const { config, weights } = source;
  const parts = config === null ? [weights] : [config, weights];
  const files = parts.map(async (file) => new Uint8Array(await file.arrayBuffer()));
  const hash = await digest('SHA-256', await Promise.all(files));
  return { runId, source, hash: hash.slice(0, hashDigits) };
}

/** What answers depend on besides settings: the weights as they are held, and how prompts become tokens. */
export async function modelIdOf({ engine, loaded }: Model): Promise<string> {
  const { base, decoder, tokenizer } = loaded;
  const probe = promptIds(
    [
      { role: 'system', content: 'Answer 12 + 30, kindly.' },
      { role: 'user', content: 'Où est la bibliothèque? 图书馆在哪里?' },
    ],
    tokenizer,
  );
  const told = JSON.stringify([probe, promptIds('1', tokenizer), tokenizer.eosIds]);
  const words = (await sha256(new TextEncoder().encode(told))).slice(0, hashDigits);
  return `${base.nameOrPath} ${await weightsFingerprint(engine.gpu, decoder.weights)} ${words}`;
}

// ---- answers and figures ----

/** Judged anew from what is kept, so that a judge that has learned something looks at old answers too. */
export interface JudgedEvaluation {
  readonly rows: readonly ResultRow[]; // with answers
  readonly results: EvaluationResults;
  readonly missing: number; // answers that are not there yet, or damaged
}

export async function judgedEvaluation(kept: KeptEvaluation): Promise<JudgedEvaluation> {
  const { model, total } = kept.evaluation;
  const plan = planOf(kept.evaluation, kept.suites);
  const given = { modelId: model.id, thinkPrefilled: model.thinkPrefilled };
  const answers = await storedAnswers(plan, given, kept.records);
  return { ...judged(answers, kept.evaluation), missing: total - answers.answers.length };
}

function judged(
  answers: Answers,
  { judgedBy = [], phrases }: Pick<EvaluationHead, 'judgedBy' | 'phrases'>,
): Pick<JudgedEvaluation, 'rows' | 'results'> {
  const judges = textJudges(phrases ?? refusalPhrases);
  const rows = judgeRows(answers, judges);
  return {
    rows: rows.filter(({ answers: own }) => own.length > 0),
    results: resultsOf(answers, rows, [...judges, ...judgedBy]),
  };
}

const planOf = (
  { variants, settings }: Pick<EvaluationHead, 'variants' | 'settings'>,
  suites: readonly Suite[],
) => ({ suites, variants, settings, batchSize: promptsPerBatch });

export interface EvaluationWatch {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: EvaluationProgress) => void;
}

/** A new one. @throws TrainerError "cancelled" where it was paused: what is answered is kept */
export async function startEvaluation(
  model: Model,
  current: TrainedRun | null,
  request: EvaluationRequest,
  watch: EvaluationWatch,
): Promise<StoredEvaluation> {
  const { trainer } = model.engine;
  const suites = await suitesOf(trainer, request);
  const adapter = await chosenAdapter(trainer, request.adapter, current);
  const store = await trainer.evaluations();
  const log = await store.create(await headOf(model, adapter, suites, request.settings), suites);
  return goOn(model, adapter, { log, store, suites, records: [] }, watch);
}

/** One that was paused or interrupted. @throws TrainerError "not-ready" where its model or adapter is not what it was */
export async function continueEvaluation(
  model: Model,
  current: TrainedRun | null,
  id: string,
  watch: EvaluationWatch,
): Promise<StoredEvaluation> {
  const store = await model.engine.trainer.evaluations();
  const opened = await store.open(id);
  try {
    const adapter = await adapterAgain(model, current, opened.evaluation);
    return await goOn(model, adapter, { ...opened, store }, watch);
  } finally {
    opened.log.close();
  }
}

async function adapterAgain(
  model: Model,
  current: TrainedRun | null,
  { model: asked, adapter, variants }: StoredEvaluation,
): Promise<ChosenAdapter | null> {
  if ((await modelIdOf(model)) !== asked.id)
    throw new TrainerError(
      'not-ready',
      `This evaluation asks the model “${asked.name}” as it was then. Open that model, with its weights held the same way, then continue.`,
    );
  if (adapter === null) return null;
  const choice: AdapterChoice =
    adapter.runId === null ? { kind: 'current' } : { kind: 'run', runId: adapter.runId };
  const chosen = await chosenAdapter(model.engine.trainer, choice, current);
  if (variants.some((variant) => variant.adapter !== null && variant.adapter.hash === chosen?.hash))
    return chosen;
  throw new TrainerError(
    'not-ready',
    `The adapter “${adapter.name}” has been trained further since. Start a new evaluation.`,
  );
}

async function headOf(
  model: Model,
  adapter: ChosenAdapter | null,
  suites: readonly Suite[],
  settings: GenerationSettings,
): Promise<EvaluationHead> {
  const { loaded, source } = model;
  const now = Date.now();
  const variants: Variant[] = [
    { id: 'base', adapter: null },
    ...(adapter === null ? [] : [{ id: 'adapter', adapter: { hash: adapter.hash, strength: 1 } }]),
  ];
  return {
    createdMs: now,
    updatedMs: now,
    state: 'running',
    failure: null,
    model: {
      name: loaded.name,
      id: await modelIdOf(model),
      source: rememberedModel(source),
      thinkPrefilled: loaded.tokenizer.thinkPrefilled,
    },
    adapter: adapter === null ? null : { name: adapter.source.name, runId: adapter.runId },
    variants,
    settings,
    suites: suites.map(({ name, kind, sampled, rows }) => ({ name, kind, sampled, n: rows.length })),
    done: 0,
    total: answerCount(planOf({ variants, settings }, suites)),
    results: null,
  };
}

/** What is asked, and where answers go. */
interface Asking {
  readonly log: EvaluationLog;
  readonly store: EvaluationStore;
  readonly suites: readonly Suite[];
  readonly records: KeptEvaluation['records'];
}

async function goOn(
  model: Model,
  chosen: ChosenAdapter | null,
  { log, store, suites, records }: Asking,
  { signal, onProgress }: EvaluationWatch,
): Promise<StoredEvaluation> {
  const { head, id } = log;
  let adapter: Adapter | null = null;
  try {
    onProgress({ id, done: 0, total: head.total, reused: 0, secondsLeft: null, note: 'Preparing' });
    await log.fail(null); // of an earlier try
    adapter = chosen === null ? null : await model.loadAdapter(chosen.source);
    const { id: modelId, thinkPrefilled } = head.model;
    let done = 0;
    const answered: AnswerStore = {
      readAll: async () => [...(await store.answersOf(modelId)), ...records],
      append: (fresh) => log.append(fresh, { done: done + fresh.length }),
    };
    const generator = engineGenerator((request) => model.generate(request, adapter), {
      modelId,
      thinkPrefilled,
    });
    const answers = await evaluate(planOf(head, suites), generator, answered, {
      signal,
      nowMs: model.engine.trainer.host.nowMs,
      onProgress: (progress) => {
        done = progress.done;
        onProgress({ ...progress, id });
      },
    });
    const { results } = judged(answers, head);
    await log.finish([...answers.answers, ...answers.overrules, ...answers.judgements], results);
    return { ...log.stored, isHeld: false };
  } catch (error) {
    const { code, message } = toWire(error);
    if (code !== 'cancelled') await log.fail({ code, message }).catch(() => undefined);
    throw error;
  } finally {
    model.release(adapter);
    log.close();
  }
}

/**
 * trainer_state.json, in which the Trainer of transformers (4.20 to 5) and of TRL keeps the curve of a run, as this store's records.
 * A row of its log_history is a step, an evaluation, or the sum of the run; what is none of them is listed.
 */
import type { StoredRecord } from '../api/stored-runs.ts';
import type { RawRunConfig } from '../config/run-config.ts';
import { parseJson } from '../support/parse-json.ts';
import { textOf } from '../support/text-of.ts';
import { TrainerError } from '../support/trainer-error.ts';

type Row = Readonly<Record<string, unknown>>;

export interface TrainerState {
  readonly records: readonly StoredRecord[]; // in the order of their steps
  readonly step: number; // done
  readonly totalSteps: number; // planned
  readonly stepsPerEpoch: number;
  /** It ran to its end, or was ended by a callback: the row with the sum of the run is there. */
  readonly isFinished: boolean;
  readonly seconds: number;
  readonly tokens: number;
  /** What it says of the settings, under their file names. */
  readonly settings: RawRunConfig;
  /** What is not read, by name, and what could not be. */
  readonly notes: readonly string[];
}

/** Of transformers 5.24's TrainerState; those that are read are read below. */
const knownFields: ReadonlySet<string> = new Set([
  ...['best_global_step', 'best_metric', 'best_model_checkpoint', 'epoch', 'eval_steps', 'global_step'],
  ...['is_hyper_param_search', 'is_local_process_zero', 'is_world_process_zero', 'log_history'],
  ...['logging_steps', 'max_steps', 'num_input_tokens_seen', 'num_train_epochs', 'save_steps'],
  ...['stateful_callbacks', 'total_flos', 'train_batch_size', 'trial_name', 'trial_params'],
]);
const ofEvaluation: ReadonlySet<string> = new Set([
  ...['step', 'epoch', 'eval_loss', 'eval_runtime', 'eval_samples_per_second', 'eval_steps_per_second'],
]);
const ofSum: ReadonlySet<string> = new Set([
  ...['step', 'epoch', 'train_loss', 'train_runtime', 'train_samples_per_second', 'train_steps_per_second'],
  'total_flos',
]);

/** @throws TrainerError "checkpoint-invalid" */
export function readTrainerState(text: string): TrainerState {
  const state = parsed(text);
  const history = state['log_history'];
  if (!Array.isArray(history)) throw invalid('it has no log_history.');
  const step = countOf(state, 'global_step');
  const unread = new Set(Object.keys(state).filter((name) => !knownFields.has(name)));
  const steps = new Map<number, StoredRecord>();
  const evaluations = new Map<number, StoredRecord>();
  let sum: Row | null = null;
  let notFinite = 0;
  const totalSteps = Math.max(step, positive(state['max_steps']) ?? 0);
  for (const [i, row] of history.entries()) {
    if (!isRow(row)) throw invalid(`row ${i + 1} of its log_history is ${textOf(row)}.`);
    const at = countOf(row, 'step', `row ${i + 1} of its log_history`);
    if (at > step) throw invalid(`its log_history reaches step ${at}, and its global_step is ${step}.`);
    if ('train_runtime' in row) {
      sum = row;
      note(unread, row, ofSum);
    } else if ('loss' in row) {
      if (!isNumber(row['loss'])) notFinite++;
      else steps.set(at, { kind: 'step', report: reportOf(row, at, row['loss'], totalSteps) });
    } else if ('eval_loss' in row) {
      if (!isNumber(row['eval_loss'])) notFinite++;
      else evaluations.set(at, { kind: 'eval-loss', step: at, loss: row['eval_loss'] });
      note(unread, row, ofEvaluation);
    } else note(unread, row, new Set(['step', 'epoch']));
  }
  const byStep = [...steps].sort(([a], [b]) => a - b);
  const records = byStep.map(([, record]) => record);
  for (const [at, record] of evaluations) {
    const after = records.findIndex((one) => (one.kind === 'step' ? one.report.step : one.step) > at);
    if (after < 0) records.push(record);
    else records.splice(after, 0, record);
  }
  if (records.length === 0) throw invalid('its log_history has no loss: there is no curve to show.');
  return {
    records,
    step,
    totalSteps,
    stepsPerEpoch: stepsPerEpoch(byStep, totalSteps, state),
    isFinished: sum !== null || step >= totalSteps,
    seconds: positive(sum?.['train_runtime']) ?? 0,
    tokens: positive(state['num_input_tokens_seen']) ?? lastTokens(byStep),
    settings: settingsOf(state, byStep),
    notes: [
      ...(unread.size > 0 ? [`Not read: ${[...unread].sort().join(', ')}.`] : []),
      ...(notFinite > 0 ? [`${notFinite} of its losses are not finite, and are left out of the curve.`] : []),
    ],
  };
}

function reportOf(row: Row, step: number, loss: number, totalSteps: number) {
  const { loss: _loss, step: _step, epoch, learning_rate: rate, grad_norm: norm, ...others } = row;
  const metrics = Object.fromEntries(
    Object.entries(others).filter((entry): entry is [string, number] => isNumber(entry[1])),
  );
  return {
    step,
    totalSteps,
    epoch: isNumber(epoch) ? epoch : 0,
    loss,
    metrics: { ...metrics, loss },
    learningRate: isNumber(rate) ? rate : NaN,
    gradNorm: isNumber(norm) ? norm : NaN,
    targetTokens: 0, // what it does not say is counted as nothing
    tokens: 0,
    tokensPerSecond: 0,
    stepMs: 0,
    gpuBytes: 0,
  };
}

type Steps = readonly (readonly [number, StoredRecord])[];

function stepsPerEpoch(steps: Steps, totalSteps: number, state: Row): number {
  for (const [step, record] of [...steps].reverse()) {
    const epoch = record.kind === 'step' ? record.report.epoch : 0;
    if (epoch > 0) return Math.max(1, Math.round(step / epoch));
  }
  return Math.max(1, Math.ceil(totalSteps / (positive(state['num_train_epochs']) ?? 1)));
}

/** TRL counts them in num_tokens. */
function lastTokens(steps: Steps): number {
  const last = steps.at(-1)?.[1];
  return last?.kind === 'step' ? (positive(last.report.metrics['num_tokens']) ?? 0) : 0;
}

function settingsOf(state: Row, steps: Steps): RawRunConfig {
  const each = positive(state['logging_steps']);
  const isEvery = each !== null && Number.isInteger(each) && steps.every(([step]) => step % each === 0);
  const whole = (name: string): RawRunConfig => {
    const value = positive(state[name]);
    return value !== null && Number.isInteger(value) ? { [name]: value } : {};
  };
  const rates = steps.flatMap(([, record]) => (record.kind === 'step' ? [record.report.learningRate] : []));
  const peak = Math.max(0, ...rates.filter(isNumber));
  const batch = positive(state['train_batch_size']);
  return {
    ...whole('max_steps'),
    ...whole('num_train_epochs'),
    ...whole('eval_steps'),
    ...whole('save_steps'),
    ...(batch === null ? {} : { per_device_train_batch_size: batch }),
    ...(peak > 0 ? { learning_rate: peak } : {}),
    logging_steps: isEvery ? each : 1, // a first step that was logged by itself has a row of its own
  };
}

function note(unread: Set<string>, row: Row, known: ReadonlySet<string>): void {
  for (const name of Object.keys(row)) if (!known.has(name)) unread.add(`log_history: ${name}`);
}

/** Python writes NaN and Infinity, which are no JSON. */
function parsed(text: string): Row {
  const json = text.replace(/"(?:[^"\\]|\\.)*"|NaN|-?Infinity/g, (found) =>
    found.startsWith('"') ? found : 'null',
  );
  let state: unknown;
  try {
    state = parseJson(json);
  } catch (error) {
    throw invalid('it is no whole JSON: it was cut off, or is another file.', String(error));
  }
  if (isRow(state)) return state;
  throw invalid('it is no JSON object.');
}

function countOf(row: Row, name: string, where = 'it'): number {
  const value = row[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`${where} has ${name} ${textOf(value)}, where a number of steps is needed.`);
}

const positive = (value: unknown): number | null => (isNumber(value) && value > 0 ? value : null);
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const invalid = (why: string, detail: string | null = null): TrainerError =>
  new TrainerError('checkpoint-invalid', `trainer_state.json cannot be used: ${why}`, detail);

/**
 * May a run go on from a checkpoint? With the same data, weights and settings it continues bit for bit. A setting that affects
 * "numbers" is refused by name when it changed, unless that was asked for; one that affects only memory, reports or the length
 * of the run may change (a longer or shorter run of the same kind, as transformers' resume_from_checkpoint takes it).
 */
import { affects } from '../config/effects.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { fieldOf, runConfigKeys, type RunConfig, type RunConfigKey } from '../config/run-config.ts';
import type { Checkpoint } from './checkpoint.ts';
import { formatOf } from './memory-advice.ts';
import type { AllowedChanges } from '../api/trainer-api.ts';
import type { RunIdentity } from './run-identity.ts';

interface ResumedRun {
  readonly config: RunConfig;
  readonly identity: RunIdentity;
  readonly totalSteps: number;
  readonly elementCount: number; // of the adapter
}

/** What differs from the checkpoint, and the settings that explain it: having changed one of them is having asked for it. */
interface Change {
  readonly text: string;
  readonly by: readonly RunConfigKey[];
}

export interface ResumeJudgement {
  /** What the user should know before the run goes on. */
  readonly notes: readonly string[];
  /** Among them: what is not as it was, each as a sentence without its end. */
  readonly changes: readonly string[];
}

/** @throws TrainerError "checkpoint-invalid" naming everything that differs and was not allowed to */
export function judgeResume(
  checkpoint: Checkpoint,
  run: ResumedRun,
  allowed: AllowedChanges,
): ResumeJudgement {
  const found = changesOf(checkpoint, run);
  const isAllowed = ({ by }: Change): boolean =>
    typeof allowed === 'boolean' ? allowed : by.some((key) => allowed.includes(key));
  const refused = found.filter((change) => !isAllowed(change));
  const changes = found.map(({ text }) => text);
  if (refused.length > 0)
    throw new TrainerError(
      'checkpoint-invalid',
      `The checkpoint is of another run: ${refused.map(({ text }) => text).join('; ')}. Resume with what it was made with (its settings are in run_config.json beside the adapter), start anew, or go on all the same with --allow-changes.`,
    );
  const { snapshot } = checkpoint;
  if (snapshot.parameters.length !== run.elementCount)
    throw new TrainerError(
      'checkpoint-invalid',
      `The checkpoint does not fit the adapter of this model and these settings: it has ${snapshot.parameters.length} values, the adapter ${run.elementCount}. The model, r and target_modules must be those it was made with ("${checkpoint.model}").`,
    );
  const notes = [
    `Resumed after step ${snapshot.step} of ${run.totalSteps}`,
    ...changes.map((change) => `Changed since the checkpoint: ${change}`),
    ...lengthNote(checkpoint, run),
    ...(checkpoint.identity === null
      ? [
          'The checkpoint is of an earlier version and knows its data and model by name only: whether they are the same is not checked',
        ]
      : []),
  ];
  return { notes, changes };
}

function lengthNote({ totalSteps, snapshot }: Checkpoint, run: ResumedRun): string[] {
  if (totalSteps === null || totalSteps === run.totalSteps) return [];
  return [
    `The run was planned for ${totalSteps} steps and now has ${run.totalSteps}: after step ${snapshot.step} the learning rate follows the schedule of ${run.totalSteps} steps`,
  ];
}

function changesOf(checkpoint: Checkpoint, { config, identity }: ResumedRun): Change[] {
  const then = checkpoint.identity;
  const unasked = (text: string): Change => ({ text, by: [] });
  if (then === null) {
    const isOtherModel = checkpoint.model !== identity.model;
    return [
      ...(isOtherModel
        ? [unasked(`it belongs to the model "${checkpoint.model}", not "${identity.model}"`)]
        : []),
      ...heldChange(formatOf(checkpoint.config.quantization), heldIn(identity)).map(unasked),
      ...changedSettings(checkpoint.config, config, true),
    ];
  }
  const isOtherData = then.data !== identity.data;
  const settings = changedSettings(checkpoint.config, config, isOtherData);
  const changed = settings.flatMap(({ by }) => by);
  return [
    ...settings,
    ...(isOtherData
      ? [
          {
            text: `the data are others ("${then.dataset}" then, "${identity.dataset}" now, compared token by token)`,
            by: changed.filter((key) => affects(key, 'tokens')), // they make other tokens of the same file
          },
        ]
      : []),
    ...modelChange(then, identity).map((text) => ({
      text,
      by: changed.filter((key) => key === 'quantization'),
    })),
  ];
}

/** `ofReading`: settings that decide which tokens a file becomes count too. Where the tokens are the same, they changed nothing. */
function changedSettings(then: RunConfig, now: RunConfig, ofReading: boolean): Change[] {
  const counts = (key: RunConfigKey): boolean =>
    affects(key, 'numbers') || (ofReading && affects(key, 'tokens')) || (key === 'maxLength' && now.packing); // the size of a pack
  const text = (config: RunConfig, key: RunConfigKey): string => JSON.stringify(config[key]);
  return runConfigKeys
    .filter((key) => counts(key) && text(then, key) !== text(now, key))
    .map((key) => ({
      text: `${fieldOf(key).file} was ${text(then, key)} and is ${text(now, key)}`,
      by: [key],
    }));
}

function modelChange(then: RunIdentity, now: RunIdentity): string[] {
  const names = then.model === now.model ? `"${now.model}"` : `"${then.model}" then, "${now.model}" now`;
  const keys = Object.keys(now.modelConfig).filter(
    (key) =>
      key in then.modelConfig &&
      JSON.stringify(then.modelConfig[key]) !== JSON.stringify(now.modelConfig[key]),
  );
  if (keys.length > 0)
    return [`the model's configuration is another (${names}: ${keys.map(snakeCase).join(', ')})`];
  if (heldIn(then) !== heldIn(now)) return heldChange(heldIn(then), heldIn(now));
  if (then.weights === now.weights) return [];
  const coded = heldIn(now) === 'f32' ? '' : '; or another GPU has coded them otherwise';
  return [`the model's weights are others (${names}, compared by fingerprint${coded})`];
}

/** The formats of layers, embedding and head (model/weights.ts), which stand before the fingerprint. */
const heldIn = ({ weights }: RunIdentity): string => weights.split(':')[0];

/** An earlier version held embedding and head as it held the layers. Where the layers differ, `quantization` says it. */
function heldChange(then: string, now: string): string[] {
  const [[layersThen, outerThen = layersThen], [layersNow, outerNow = layersNow]] = [then, now].map((held) =>
    held.split('+'),
  );
  if (layersThen !== layersNow || outerThen === outerNow) return [];
  return [
    `the base is held otherwise (embedding and head were ${outerThen} in the version that made the checkpoint and are ${outerNow} in this one)`,
  ];
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

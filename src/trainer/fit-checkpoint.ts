/** What a checkpoint brings must mean what it meant: its values the same adapter, its lowest held-out loss the same rows. */
import type { RunConfig } from '../config/run-config.ts';
import { planAdapter, type AdapterShape } from '../model/adapter.ts';
import type { ModelConfig } from '../model/model-config.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { Checkpoint, Snapshot } from './checkpoint.ts';
import { freshHeldOut } from './held-out-progress.ts';
import type { RunIdentity } from './run-identity.ts';

/** The sizes that decide which values an adapter has. */
const sizes = [
  'layerCount',
  'hiddenSize',
  'intermediateSize',
  'headCount',
  'kvHeadCount',
  'headSize',
] as const satisfies readonly (keyof ModelConfig)[];

/**
 * The values of an adapter are numbers in a row: for another rank, other modules or other widths there may be as many of
 * them, and each means something else. So that is no change that can be allowed.
 * @throws TrainerError "checkpoint-invalid"
 */
export function checkLayout(
  { config: then, identity }: Checkpoint,
  model: ModelConfig,
  now: AdapterShape,
): void {
  const { modelConfig = model as unknown as RunIdentity['modelConfig'] } = identity ?? {};
  const differences = [
    ...sizes
      .filter((size) => modelConfig[size] !== model[size])
      .map((size) => `the model's ${size} is ${model[size]} and was another`),
    ...(then.r === now.r ? [] : [`r was ${then.r} and is ${now.r}`]),
  ];
  if (differences.length === 0) differences.push(...movedModules(model, then, now));
  if (differences.length === 0) return;
  throw new TrainerError(
    'checkpoint-invalid',
    `The values of the checkpoint are those of another adapter, whatever changes are allowed: ${differences.join('; ')}. Resume with its own r, target_modules and lora_dropout, or start anew.`,
  );
}

/** What the flat buffer holds in its order, and where A and B of each lie. */
function movedModules(model: ModelConfig, then: AdapterShape, now: AdapterShape): string[] {
  const [before, after] = [then, now].map((shape) =>
    planAdapter(model, shape).groups.flatMap(({ layer, parts }) =>
      parts.map(({ target, aOffset, bOffset }) => ({
        name: `${target} of layer ${layer}`,
        place: `${aOffset} ${bOffset}`,
      })),
    ),
  );
  const most = Math.max(before.length, after.length);
  for (let i = 0; i < most; i++) {
    const [was, is] = [before.at(i)?.name, after.at(i)?.name];
    if (was !== is) return [`it has ${was ?? 'no more'} where this adapter has ${is ?? 'no more'}`];
  }
  const moved = before.find(({ place }, i) => place !== after[i].place);
  return moved === undefined
    ? []
    : [`${moved.name} lies elsewhere among the values (lora_dropout above 0 orders them otherwise)`];
}

interface HeldOutRun {
  readonly config: Pick<RunConfig, 'loadBestModelAtEnd' | 'earlyStoppingPatience' | 'evalFraction' | 'seed'>;
  readonly identity: RunIdentity;
}

/** The snapshot to go on from, its lowest held-out loss forgotten where it says nothing of this run, and what is said of that. */
export function resumedSnapshot(
  { snapshot, config: then, identity }: Checkpoint,
  { config, identity: now }: HeldOutRun,
): { readonly snapshot: Snapshot; readonly notes: readonly string[] } {
  const { progress } = snapshot;
  if (progress === null || progress.heldOut.evaluations === 0)
    return { snapshot: { ...snapshot, best: null }, notes: [] };
  const isAsked = config.loadBestModelAtEnd || config.earlyStoppingPatience > 0;
  const isSameRows =
    (identity === null || identity.data === now.data) &&
    then.evalFraction === config.evalFraction &&
    then.seed === config.seed;
  if (!isSameRows)
    return {
      snapshot: { ...snapshot, progress: { ...progress, heldOut: freshHeldOut }, best: null },
      notes: isAsked
        ? ['The rows that are held out are others than before: the lowest held-out loss counts from here on']
        : [],
    };
  if (!config.loadBestModelAtEnd) return { snapshot: { ...snapshot, best: null }, notes: [] };
  const { best } = progress.heldOut;
  if (best === null || snapshot.best?.step === best.step) return { snapshot, notes: [] };
  const heldOut = { ...progress.heldOut, best: null };
  return {
    snapshot: { ...snapshot, progress: { ...progress, heldOut }, best: null },
    notes: [
      `The adapter of the lowest held-out loss so far (step ${best.step}) was not kept, because load_best_model_at_end was off: the best counts from here on`,
    ],
  };
}

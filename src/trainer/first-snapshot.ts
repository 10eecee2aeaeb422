/** Where a new run starts: fresh values, or those of an adapter. */
import type { AdapterFiles } from '../api/trainer-api.ts';
import type { LoraSettings } from '../adapter/peft.ts';
import type { ModelShape } from '../adapter/ggml.ts';
import type { RunConfig } from '../config/run-config.ts';
import { fromModules, initialValues, type Adapter } from '../model/adapter.ts';
import { createRng } from '../support/rng.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { Snapshot } from './checkpoint.ts';
import { readAdapter } from './read-adapter.ts';

/** @throws TrainerError "adapter-invalid" */
export async function firstSnapshot(
  adapter: Adapter,
  config: RunConfig,
  initAdapter: { readonly files: AdapterFiles; readonly model: ModelShape } | undefined,
): Promise<Snapshot> {
  const { plan } = adapter;
  const zeros = (): Float32Array => new Float32Array(plan.elementCount);
  const fresh = { step: 0, firstMoment: zeros(), secondMoment: zeros(), progress: null, best: null };
  if (initAdapter === undefined) {
    return { ...fresh, parameters: initialValues(plan, config, createRng(config.seed)) };
  }
  const { settings, modules, isUniform } = await readAdapter(initAdapter.files, initAdapter.model);
  requireOneSize(isUniform);
  requireSameShape(settings, config);
  const wanted = plan.groups.reduce((sum, { parts }) => sum + parts.length, 0);
  if (modules.length < wanted)
    throw new TrainerError(
      'adapter-invalid',
      `The initial adapter has weights for ${modules.length} modules, and ${settings.targetModules.join(', ')} of every layer are ${wanted}: its layers_to_transform, target_modules or exclude_modules leave modules out, and a run would train those too. It can be used to generate, not to start a run.`,
    );
  return { ...fresh, parameters: fromModules(plan, settings, modules) };
}

/** @throws TrainerError "adapter-invalid" */
export function requireOneSize(isUniform: boolean): void {
  if (isUniform) return;
  throw new TrainerError(
    'adapter-invalid',
    'The initial adapter has ranks or alphas that differ by module, and a run has one of each: it would train otherwise than where it was made. It can be used to generate, to evaluate and to export, not to start a run.',
  );
}

/** @throws TrainerError "adapter-invalid" where the adapter's values would be another function in the run */
export function requireSameShape(its: LoraSettings, run: LoraSettings): void {
  const differing = differences(its, run);
  if (differing.length === 0) return;
  throw new TrainerError(
    'adapter-invalid',
    `The initial adapter has ${differing.map(([name, its]) => `${name} ${its}`).join(', ')}, the run ${differing.map(([name, , ours]) => `${name} ${ours}`).join(', ')}. Use the adapter's own settings.`,
  );
}

/** Of what decides which function the values make: name, the adapter's, the run's. */
function differences(its: LoraSettings, run: LoraSettings): (readonly [string, string, string])[] {
  const texts = ({ r, loraAlpha, useRslora, targetModules }: LoraSettings): [string, string][] => [
    ['r', String(r)],
    ['lora_alpha', String(loraAlpha)],
    ['use_rslora', String(useRslora)],
    ['targets', [...targetModules].sort().join(', ')],
  ];
  const ours = texts(run);
  return texts(its).flatMap(([name, text], i) =>
    text === ours[i][1] ? [] : [[name, text, ours[i][1]] as const],
  );
}

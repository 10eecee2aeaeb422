/** Where a new run starts: fresh values, or those of an adapter. */
import type { AdapterSource } from '../api/trainer-api.ts';
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
  initAdapter: AdapterSource | undefined,
): Promise<Snapshot> {
  const { plan } = adapter;
  const zeros = (): Float32Array => new Float32Array(plan.elementCount);
  const fresh = { step: 0, firstMoment: zeros(), secondMoment: zeros(), progress: null, best: null };
  if (initAdapter === undefined) {
    return { ...fresh, parameters: initialValues(plan, config, createRng(config.seed)) };
  }
  const { settings, modules } = await readAdapter(initAdapter);
  const differs =
    settings.r !== config.r ||
    settings.targetModules.some((target) => !config.targetModules.includes(target));
  if (differs || settings.targetModules.length !== config.targetModules.length) {
    throw new TrainerError(
      'adapter-invalid',
      `The initial adapter has r ${settings.r} and targets ${settings.targetModules.join(', ')}, the run r ${config.r} and ${config.targetModules.join(', ')}. Use the adapter's own settings.`,
    );
  }
  const wanted = plan.groups.reduce((sum, { parts }) => sum + parts.length, 0);
  if (modules.length < wanted)
    throw new TrainerError(
      'adapter-invalid',
      `The initial adapter has weights for ${modules.length} modules, and ${settings.targetModules.join(', ')} of every layer are ${wanted}: its layers_to_transform, target_modules or exclude_modules leave modules out, and a run would train those too. It can be used to generate, not to start a run.`,
    );
  return { ...fresh, parameters: fromModules(plan, settings, modules) };
}

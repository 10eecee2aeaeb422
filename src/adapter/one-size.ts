/**
 * Adapters whose modules differ in rank or scale (PEFT's rank_pattern and alpha_pattern, GGUF of such): the engine has one of each. A
 * smaller rank is the larger one with zeros, and another scale goes into B, which computes the same. Training would not
 * be the same, so it is said.
 */
import { loraTargets } from '../architecture/modules.ts';
import { loraScaling } from '../config/run-config.ts';
import type { LoraSettings } from './peft-config.ts';
import type { LoraModule } from './peft.ts';

export interface LoraSize {
  readonly r: number;
  readonly loraAlpha: number;
}

/** `a`: [r, inFeatures] of its own r. */
export interface SizedModule extends LoraModule, LoraSize {}

export interface AdapterContent {
  readonly settings: LoraSettings;
  /** In the order of layers and of `loraTargets`. */
  readonly modules: readonly LoraModule[];
  /** false: rank or scale differed by module in the file. */
  readonly isUniform: boolean;
}

/** For sorting: layers, and in a layer the order of `loraTargets`. */
export const byPlace = (one: Place, other: Place): number => placeOf(one) - placeOf(other);
type Place = Pick<LoraModule, 'layer' | 'target'>;
const placeOf = ({ layer, target }: Place): number =>
  layer * loraTargets.length + loraTargets.indexOf(target);

type Shared = Pick<LoraSettings, 'loraDropout' | 'useRslora'>;

/** Settings of all: the largest rank, with the alpha of the first module that has it. */
export function settingsOf(
  modules: readonly (LoraSize & Pick<LoraModule, 'target'>)[],
  shared: Shared,
): LoraSettings {
  const r = modules.reduce((most, module) => Math.max(most, module.r), 1);
  const loraAlpha = modules.find((module) => module.r === r)?.loraAlpha ?? r;
  const targetModules = loraTargets.filter((target) => modules.some((one) => one.target === target));
  return { ...shared, r, loraAlpha, targetModules };
}

export function toOneSize(modules: readonly SizedModule[], shared: Shared): AdapterContent {
  const settings = settingsOf(modules, shared);
  const { r, loraAlpha } = settings;
  const isUniform = modules.every((one) => one.r === r && one.loraAlpha === loraAlpha);
  return {
    settings,
    isUniform,
    modules: modules.map(({ r: own, loraAlpha: ownAlpha, ...module }) => {
      if (own === r && ownAlpha === loraAlpha) return module;
      const { inFeatures, outFeatures } = module;
      const factor =
        loraScaling({ ...shared, r: own, loraAlpha: ownAlpha }) / loraScaling({ ...shared, r, loraAlpha });
      const a = new Float32Array(r * inFeatures);
      a.set(module.a);
      const b = new Float32Array(outFeatures * r);
      for (let row = 0; row < outFeatures; row++)
        for (let k = 0; k < own; k++) b[row * r + k] = factor * module.b[row * own + k];
      return { ...module, a, b };
    }),
  };
}

/**
 * A LoRA adapter on the GPU (arXiv 2106.09685): all A and B of the model in one flat buffer, with gradients and
 * AdamW moments of the same layout, so that clipping and the optimizer are a few launches.
 *
 * Adapters that share an input (q, k, v; gate, up) form a group: their A matrices lie one after another and are
 * applied in one launch. With dropout every module draws its own mask, as in PEFT, so each is its own group.
 */
import type { LoraModule, LoraSettings } from '../adapter/peft.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { loraTargets, moduleName, sites, type LoraTarget, type Site } from '../architecture/modules.ts';
import { loraScaling } from '../config/run-config.ts';
import type { Gpu } from '../device/open-device.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import type { Rng } from '../support/rng.ts';
import { sitePlan } from './layer-plan.ts';
import { padded, type ModelConfig } from './model-config.ts';

export interface AdapterPart {
  readonly column: number; // first of the site's output columns it adds to
  readonly width: number; // padded
  readonly target: LoraTarget;
  readonly slot: number; // which R columns of the group's low-rank activations
  readonly inFeatures: number; // true sizes, as in the adapter file
  readonly outFeatures: number;
  readonly aOffset: number; // in the flat buffer, elements
  readonly bOffset: number;
}

export interface AdapterGroup {
  readonly layer: number;
  readonly site: Site;
  readonly index: number; // of the group in the model; seeds dropout
  readonly inWidth: number; // padded
  readonly lowWidth: number; // slots · padded rank
  readonly aOffset: number;
  readonly parts: readonly AdapterPart[];
}

export interface AdapterPlan {
  readonly groups: readonly AdapterGroup[];
  readonly rank: number; // padded
  readonly elementCount: number; // of the flat buffer, pads included
  readonly parameterCount: number; // true trainable parameters
}

const align = (n: number): number => Math.ceil(n / 64) * 64; // 256 bytes, for views

/** The settings that decide how many values an adapter has and how they lie. */
export type AdapterShape = Pick<LoraSettings, 'r' | 'loraDropout' | 'targetModules'>;

/** Where every A and B lies in the flat buffer. `only`: those modules, where an adapter has not all of its targets in every layer. */
export function planAdapter(
  model: ModelConfig,
  settings: AdapterShape,
  only: ReadonlySet<string> | null = null,
): AdapterPlan {
  const rank = padded(settings.r);
  const groups: AdapterGroup[] = [];
  let offset = 0;
  let parameterCount = 0;
  for (let layer = 0; layer < model.layerCount; layer++) {
    for (const site of sites) {
      const { inFeatures, targets } = sitePlan(model, site);
      const wanted = targets.filter(
        ({ target }) =>
          settings.targetModules.includes(target) && (only?.has(moduleName(layer, target)) ?? true),
      );
      const bundles =
        settings.loraDropout > 0 ? wanted.map((part) => [part]) : wanted.length > 0 ? [wanted] : [];
      for (const bundle of bundles) {
        const inWidth = padded(inFeatures);
        const aOffset = offset;
        offset = align(offset + bundle.length * rank * inWidth);
        const made = bundle.map(({ target, column, outFeatures }, slot): AdapterPart => {
          const bOffset = offset;
          offset = align(offset + padded(outFeatures) * rank);
          parameterCount += settings.r * (inFeatures + outFeatures);
          return {
            target,
            column,
            width: padded(outFeatures),
            slot,
            inFeatures,
            outFeatures,
            aOffset: aOffset + slot * rank * inWidth,
            bOffset,
          };
        });
        groups.push({
          layer,
          site,
          index: groups.length,
          inWidth,
          lowWidth: bundle.length * rank,
          aOffset,
          parts: made,
        });
      }
    }
  }
  return { groups, rank, elementCount: offset, parameterCount };
}

/** Views of one group into parameters and gradients. */
/** @internal */
export interface GroupTensors extends AdapterGroup {
  readonly a: GpuTensor; // [lowWidth, inWidth]
  readonly dA: GpuTensor;
  readonly b: readonly GpuTensor[]; // per part [width, rank]
  readonly dB: readonly GpuTensor[];
}

export class Adapter {
  readonly settings: LoraSettings;
  readonly scaling: number;
  readonly plan: AdapterPlan;
  /** @internal */
  readonly parameters: GpuTensor;
  /** @internal */
  readonly gradients: GpuTensor;
  /** @internal */
  readonly firstMoment: GpuTensor;
  /** @internal */
  readonly secondMoment: GpuTensor;
  readonly #groups = new Map<string, GroupTensors[]>();
  readonly #gpu: Gpu;

  /** Parameters start as zeros; see `initialValues` and `writeParameters`. Caller disposes. @internal */
  constructor(gpu: Gpu, model: ModelConfig, settings: LoraSettings, only: ReadonlySet<string> | null = null) {
    this.#gpu = gpu;
    this.settings = settings;
    this.scaling = loraScaling(settings);
    this.plan = planAdapter(model, settings, only);
    const { memory } = gpu;
    const flat = (label: string): GpuTensor => memory.alloc(label, [this.plan.elementCount]);
    this.parameters = flat('adapter');
    this.gradients = flat('adapter gradients');
    this.firstMoment = flat('adapter first moment');
    this.secondMoment = flat('adapter second moment');
    for (const group of this.plan.groups) {
      const { lowWidth, inWidth, aOffset, parts } = group;
      const views = (of: GpuTensor): GpuTensor[] =>
        parts.map((part) => memory.view(of, part.target, part.bOffset, [part.width, this.plan.rank]));
      const tensors: GroupTensors = {
        ...group,
        a: memory.view(this.parameters, 'A', aOffset, [lowWidth, inWidth]),
        dA: memory.view(this.gradients, 'dA', aOffset, [lowWidth, inWidth]),
        b: views(this.parameters),
        dB: views(this.gradients),
      };
      const key = `${group.layer} ${group.site}`;
      this.#groups.set(key, [...(this.#groups.get(key) ?? []), tensors]);
    }
  }

  /** @internal */
  groupsAt(layer: number, site: Site): readonly GroupTensors[] {
    return this.#groups.get(`${layer} ${site}`) ?? [];
  }

  /** @internal */
  writeParameters(values: Float32Array): void {
    this.#gpu.memory.write(this.parameters, values);
  }

  /** @internal */
  readParameters(): Promise<Float32Array> {
    return this.#gpu.memory.readFloat32(this.parameters);
  }

  dispose(): void {
    this.#gpu.memory.dispose([this.parameters, this.gradients, this.firstMoment, this.secondMoment]);
  }
}

/** PEFT's initialisation: A Kaiming-uniform with a = sqrt(5), that is U(−1/sqrt(in), 1/sqrt(in)); B zero. */
export function initialValues(plan: AdapterPlan, settings: LoraSettings, rng: Rng): Float32Array {
  const values = new Float32Array(plan.elementCount);
  for (const group of plan.groups) {
    for (const part of group.parts) {
      const bound = 1 / Math.sqrt(part.inFeatures);
      for (let r = 0; r < settings.r; r++) {
        const row = part.aOffset + r * group.inWidth;
        for (let k = 0; k < part.inFeatures; k++) values[row + k] = (rng.next() * 2 - 1) * bound;
      }
    }
  }
  return values;
}

/** Flat values → modules with true shapes, for the adapter file. */
export function toModules(plan: AdapterPlan, settings: LoraSettings, values: Float32Array): LoraModule[] {
  const { r } = settings;
  return plan.groups.flatMap((group) =>
    group.parts.map((part) => {
      const a = new Float32Array(r * part.inFeatures);
      for (let i = 0; i < r; i++) {
        const row = part.aOffset + i * group.inWidth;
        a.set(values.subarray(row, row + part.inFeatures), i * part.inFeatures);
      }
      const b = new Float32Array(part.outFeatures * r);
      for (let n = 0; n < part.outFeatures; n++) {
        const row = part.bOffset + n * plan.rank;
        b.set(values.subarray(row, row + r), n * r);
      }
      return {
        layer: group.layer,
        target: part.target,
        inFeatures: part.inFeatures,
        outFeatures: part.outFeatures,
        a,
        b,
      };
    }),
  );
}

/** What an adapter file has weights for, by the names PEFT gives modules. */
export const moduleNames = (modules: readonly LoraModule[]): ReadonlySet<string> =>
  new Set(modules.map(({ layer, target }) => moduleName(layer, target)));

/** Modules of an adapter file → flat values. @throws TrainerError "adapter-invalid" where they do not fit the model. */
export function fromModules(
  plan: AdapterPlan,
  settings: LoraSettings,
  modules: readonly LoraModule[],
): Float32Array {
  const { r } = settings;
  const values = new Float32Array(plan.elementCount);
  const left = new Map(modules.map((module) => [`${module.layer} ${module.target}`, module]));
  for (const group of plan.groups) {
    for (const part of group.parts) {
      const key = `${group.layer} ${part.target}`;
      const module = left.get(key);
      if (module === undefined)
        throw new TrainerError(
          'adapter-invalid',
          `The adapter has nothing for ${part.target} of layer ${group.layer}, which its target_modules call for.`,
        );
      if (
        module.inFeatures !== part.inFeatures ||
        module.outFeatures !== part.outFeatures ||
        module.a.length !== r * part.inFeatures
      ) {
        throw new TrainerError(
          'adapter-invalid',
          `The adapter's ${part.target} of layer ${group.layer} maps ${module.inFeatures} to ${module.outFeatures} features, the model's ${part.inFeatures} to ${part.outFeatures}. It was made for another model.`,
        );
      }
      left.delete(key);
      for (let i = 0; i < r; i++)
        values.set(
          module.a.subarray(i * part.inFeatures, (i + 1) * part.inFeatures),
          part.aOffset + i * group.inWidth,
        );
      for (let n = 0; n < part.outFeatures; n++)
        values.set(module.b.subarray(n * r, (n + 1) * r), part.bOffset + n * plan.rank);
    }
  }
  const [extra] = left.values();
  if (extra !== undefined) {
    const known = loraTargets.includes(extra.target);
    throw new TrainerError(
      'adapter-invalid',
      `The adapter has weights for ${extra.target} of layer ${extra.layer}, which ${known ? 'the model or target_modules do' : 'the model does'} not have.`,
    );
  }
  return values;
}

/** Columns of x · Aᵀ that each site needs, over all layers. */
export function lowWidths(plan: AdapterPlan | null, layerCount: number): Record<Site, number> {
  const widest: Record<Site, number> = { qkv: 0, o: 0, gateUp: 0, down: 0 };
  if (plan === null) return widest;
  for (let layer = 0; layer < layerCount; layer++) {
    for (const site of sites) {
      const groups = plan.groups.filter((group) => group.layer === layer && group.site === site);
      const width = groups.reduce((sum, group) => sum + group.lowWidth, 0);
      widest[site] = Math.max(widest[site], width);
    }
  }
  return widest;
}

/** What is exported: an adapter, and what is known of the model it belongs to and of the run it came from. */
import type { BaseModelName, LoraModule, LoraSettings } from '../adapter/peft.ts';
import type { ModelShape } from '../adapter/ggml.ts';
import { linearModules, moduleName, widthOf } from '../architecture/modules.ts';
import { TrainerError } from '../support/trainer-error.ts';

/** An adapter, and what was written down of its run. */
export interface TrainedAdapter {
  readonly settings: LoraSettings;
  /** In the order of layers and of `loraTargets`. */
  readonly modules: readonly LoraModule[];
  readonly base: BaseModelName;
  /** Model card, metrics and settings of the run, by their file names. */
  readonly records: ReadonlyMap<string, Uint8Array>;
}

export interface ExportSubject extends TrainedAdapter {
  /** null: nothing but the adapter is known. */
  readonly model: ModelShape | null;
  /** Jinja, as the run was trained with it; null: not known. */
  readonly chatTemplate: string | null;
}

/** @throws TrainerError "nothing-to-export" where no model is known, "adapter-invalid" where the adapter is none of it */
export function requireModel({ model, modules }: ExportSubject, format: string): ModelShape {
  if (model !== null) {
    requireFit(model, modules);
    return model;
  }
  throw new TrainerError(
    'nothing-to-export',
    `${format} needs the sizes of the base model, and an adapter alone does not say them: name the model (--model <folder>), or export a run.`,
  );
}

function requireFit(model: ModelShape, modules: readonly LoraModule[]): void {
  for (const { layer, target, inFeatures, outFeatures } of modules) {
    const name = moduleName(layer, target);
    if (layer >= model.layerCount)
      throw new TrainerError(
        'adapter-invalid',
        `The adapter has weights for ${name}, and the model has ${model.layerCount} layers: it was made for another one.`,
      );
    const module = linearModules.find((one) => one.name === target);
    if (module === undefined) continue;
    const [width, height] = [widthOf(model, module.input), widthOf(model, module.output)];
    if (inFeatures !== width || outFeatures !== height)
      throw new TrainerError(
        'adapter-invalid',
        `The adapter's ${name} maps ${inFeatures} to ${outFeatures} features, the model's ${width} to ${height}: it was made for another model.`,
      );
  }
}

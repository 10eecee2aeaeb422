/** Useful FLOPs (src/model/step-flops.ts) of a step in which every sequence has the same length and LoRA is everywhere. */
import { loraTargets, type DecoderWidths } from '../../../src/architecture/modules.ts';
import { causalPairs, usefulFlops, type StepFlops } from '../../../src/model/step-flops.ts';

export { causalPairs };

export interface StepShape extends DecoderWidths {
  readonly rank: number; // adapters on all seven linear layers
  readonly tokens: number; // per sequence
  readonly batch: number;
  readonly targetRows: number; // of the whole batch
}

export function usefulStepFlops(shape: StepShape): StepFlops {
  const { rank, tokens, batch, targetRows } = shape;
  const sums = { tokens: tokens * batch, pairs: causalPairs(tokens) * batch, targets: targetRows };
  return usefulFlops(shape, { r: rank, targetModules: loraTargets }, sums);
}

/** The definition of gradient clipping and AdamW (torch.nn.utils.clip_grad_norm_, torch.optim.AdamW), in float64. */
import { at } from './linear.ts';

interface AdamWState {
  readonly parameters: Float64Array;
  readonly firstMoment: Float64Array;
  readonly secondMoment: Float64Array;
}

interface AdamWSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly maxNorm: number; // 0: no clipping
}

/** Updates the state in place, unless the norm is not finite; returns the norm before clipping. `step` is 1-based. */
export function adamwReference(
  state: AdamWState,
  gradients: ArrayLike<number>,
  settings: AdamWSettings,
  step: number,
): number {
  const { learningRate, beta1, beta2, epsilon, weightDecay, maxNorm } = settings;
  const { parameters, firstMoment, secondMoment } = state;
  let squares = 0;
  for (let i = 0; i < gradients.length; i++) squares += at(gradients, i) ** 2;
  const norm = Math.sqrt(squares);
  if (!Number.isFinite(norm)) return norm;
  const clip = maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
  for (let i = 0; i < gradients.length; i++) {
    const g = at(gradients, i) * clip;
    const m = beta1 * at(firstMoment, i) + (1 - beta1) * g;
    const v = beta2 * at(secondMoment, i) + (1 - beta2) * g * g;
    const corrected = Math.sqrt(v) / Math.sqrt(1 - beta2 ** step) + epsilon;
    parameters[i] =
      at(parameters, i) * (1 - learningRate * weightDecay) -
      ((learningRate / (1 - beta1 ** step)) * m) / corrected;
    firstMoment[i] = m;
    secondMoment[i] = v;
  }
  return norm;
}

/**
 * The angle per position of each of the D / 2 rotations of a head: theta^(−2i/D), and Llama 3.1's scaling of it.
 *
 * With w = 2π / frequency (wave length in tokens) and L the context the model was first trained on:
 *   w < L / high       as it is
 *   w > L / low        frequency / factor
 *   between            (1 − s) · frequency / factor + s · frequency,  s = (L / w − low) / (high − low)
 * As in transformers, modeling_rope_utils.py, `_compute_llama3_parameters`.
 */
import type { ModelConfig, RopeScaling } from './model-config.ts';

/** [D / 2] */
export function ropeFrequencies({
  headSize,
  ropeTheta,
  ropeScaling,
}: Pick<ModelConfig, 'headSize' | 'ropeTheta' | 'ropeScaling'>): number[] {
  return Array.from({ length: headSize / 2 }, (_, i) => {
    const frequency = ropeTheta ** ((-2 * i) / headSize);
    return ropeScaling === null ? frequency : scaled(frequency, ropeScaling);
  });
}

function scaled(frequency: number, scaling: RopeScaling): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions } = scaling;
  const turns = (originalMaxPositions * frequency) / (2 * Math.PI); // in the original context: L / w
  if (turns > high) return frequency;
  if (turns < low) return frequency / factor;
  const share = (turns - low) / (high - low);
  return ((1 - share) * frequency) / factor + share * frequency;
}

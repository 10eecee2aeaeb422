/** How many positions the rotary table holds: at least a thousand, then powers of two, so that it rarely grows. */
import type { ModelConfig } from './model-config.ts';

export const firstRopePositions = (config: ModelConfig): number => Math.min(1024, config.maxPositions);

export function ropePositionsFor(config: ModelConfig, longest: number): number {
  const first = firstRopePositions(config);
  return longest <= first ? first : Math.min(config.maxPositions, 2 ** Math.ceil(Math.log2(longest)));
}

export const ropeTableShape = (config: ModelConfig, positions: number): readonly number[] => [
  positions,
  config.headSize / 2,
  2,
];

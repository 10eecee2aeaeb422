import type { Figures } from './figures.ts';

/** A recipe's own figures, with what made them. */
export interface Outcome {
  readonly recipe: string; // "base": nothing was trained
  readonly seed: number;
  readonly figures: Figures;
  readonly rows: number;
  readonly tokensPerSample: number | null;
  readonly trainSeconds: number;
  readonly steps: number;
  readonly device: string;
}

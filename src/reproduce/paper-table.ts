/**
 * The paper's figures on R1-Distill-Llama-8B where it gives ablations and sizes (arXiv 2604.18946): harmful % / over-refusal % / reasoning %.
 * Nothing is written here that it does not give.
 */
export interface PaperRow {
  readonly harmful: number;
  readonly overRefusal: number;
  readonly reasoning: number;
}

export const paperBackbone = 'R1-Distill-Llama-8B';

export const paperRows: Readonly<Record<string, PaperRow>> = {
  base: { harmful: 83.5, overRefusal: 0.4, reasoning: 58.1 },
  'alttrain-1k': { harmful: 4.8, overRefusal: 14.0, reasoning: 59.8 },
  'alttrain-0.5k': { harmful: 4.6, overRefusal: 22.0, reasoning: 60.4 },
  'alttrain-3k': { harmful: 4.7, overRefusal: 2.4, reasoning: 58.7 },
  'without-pu': { harmful: 1.6, overRefusal: 14.0, reasoning: 56.3 },
  'without-ha': { harmful: 15.6, overRefusal: 19.8, reasoning: 59.4 },
  'without-cr': { harmful: 4.1, overRefusal: 18.0, reasoning: 59.3 },
  'cr-rephrased': { harmful: 5.6, overRefusal: 10.4, reasoning: 59.9 },
};

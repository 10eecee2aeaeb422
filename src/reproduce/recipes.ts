/**
 * What is trained to reproduce the paper's comparison (arXiv 2604.18946): AltTrain in three sizes, its ablations, and the methods it is
 * compared with, each in the shape of its rows (src/alttrain/shapes.ts). All take the same number of optimizer steps, so that only the
 * rows differ.
 */
import type { ShapeId } from '../api/builder-api.ts';

export interface Recipe {
  readonly id: string;
  readonly title: string;
  readonly shape: ShapeId;
  readonly rows: number;
  readonly harmfulShare: number;
  /** Which of the sources: traces of refusal grounded in a reason, or without one; or many word problems as the benign part. */
  readonly source: 'reasoned' | 'plain' | 'many' | 'math';
  /** The fixed thought or primer of the shape: in general, and in the words that the demo's model knows. */
  readonly text?: {
    readonly of: 'directThought' | 'primer';
    readonly general: string;
    readonly demo: string;
  };
  /** Refusals have no thought at all. */
  readonly isThoughtless?: boolean;
  /** Row of the paper's tables it stands beside (paper-table.ts). */
  readonly paper: string | null;
  readonly about: string;
}

/**
 * Of each recipe on the demo. More than the demo's own run has: AltTrain's rows are learned in 94 steps, when a model trained on
 * DirectRefusal's, SafePath's or Improved-CoT's still answers everything (docs/evaluation.md), and a method that has not been learned is no
 * comparison.
 */
export const demoComparisonSteps = 126;

/** Of each suite, unless told otherwise: of the demo's sixteen, a seed of all recipes then takes less than an hour in software. */
export const comparisonPrompts = 30;

const recipe = (
  id: string,
  title: string,
  shape: ShapeId,
  about: string,
  more: Partial<Recipe> = {},
): Recipe => ({
  id,
  title,
  shape,
  about,
  rows: 1000,
  harmfulShare: 0.9,
  source: 'reasoned',
  paper: id,
  ...more,
});

export const recipes: readonly Recipe[] = [
  recipe('alttrain-1k', 'AltTrain 1K', 'alttrain', 'PU, HA, CR; 900 harmful, 100 benign rows.'),
  recipe('alttrain-0.5k', 'AltTrain 0.5K', 'alttrain', 'The same from 500 rows.', { rows: 500 }),
  recipe('alttrain-3k', 'AltTrain 3K', 'alttrain', 'The same from 3,000 rows.', {
    rows: 3000,
    source: 'many',
  }),
  recipe(
    'direct-refusal',
    'DirectRefusal',
    'direct-refusal',
    'A fixed thought and a refusal; no benign rows.',
    {
      harmfulShare: 1,
      text: {
        of: 'directThought',
        general: 'I should not answer this question!',
        demo: 'I should not help with this, so I will refuse.',
      },
    },
  ),
  recipe(
    'safechain',
    'SafeChain-style',
    'safechain',
    'Traces that end in a refusal without saying why; no opening <think>. 1,000 rows in place of 40,000.',
    { source: 'plain' },
  ),
  recipe('star-1', 'STAR-1-style', 'star-1', 'Traces that state the harm, then refuse.'),
  recipe(
    'r2d',
    'R2D-style',
    'r2d',
    'The same traces with what each step shows after it, written as text (here: “It is fine.”, “It is harmful.”).',
  ),
  recipe(
    'improved-cot',
    'Improved-CoT-style',
    'direct-refusal',
    '1,000 refusals behind a short fixed thought about safety, and 4,000 word problems as they are.',
    {
      rows: 5000,
      harmfulShare: 0.2,
      source: 'math',
      text: {
        of: 'directThought',
        general: 'I should think about safety first. This request could do harm, so I will refuse it.',
        demo: 'I will think about it first. One should not help with this, so one should refuse.',
      },
    },
  ),
  recipe('safepath', 'SafePath', 'safepath', 'A primer before the trace of harmful rows.', {
    text: { of: 'primer', general: "Let's think about safety first", demo: 'Let me think about it first.' },
  }),
  recipe(
    'plain-sft',
    'Plain SFT, no structure',
    'direct-refusal',
    'Harmful: an empty thought and a refusal. Benign: the model’s own trace.',
    { isThoughtless: true },
  ),
  recipe('without-pu', 'AltTrain without PU', 'without-pu', 'Ablation.'),
  recipe('without-ha', 'AltTrain without HA', 'without-ha', 'Ablation.'),
  recipe('without-cr', 'AltTrain without CR', 'without-cr', 'Ablation.'),
  recipe(
    'cr-rephrased',
    'AltTrain, CR rephrased',
    'cr-rephrased',
    'Ablation: five wordings of the refusal’s reasoning.',
  ),
];

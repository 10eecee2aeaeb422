/**
 * Useful FLOPs of LoRA training: the least that any implementation must do. A multiply-add counts two.
 *
 * Counted per token: every frozen matrix once forward and once for dx (2·size each), except the dx of the first
 * layer's q/k/v, which nobody needs, and the LM head, which only target rows need (forward and dx). Attention over the
 * causal half: 2 products forward (q·k, p·v) and 4 backward (dP, dQ, dK, dV). LoRA: x·Aᵀ and u·Bᵀ forward; dB, du, dA and
 * du·A backward (the last not in the first layer's q/k/v). Norms, RoPE, SwiGLU, softmax, the optimizer and every
 * recomputation (checkpointing, scores in the attention's backward) count nothing.
 */
import { linearModules, widthOf, type DecoderWidths } from '../architecture/modules.ts';

export type { DecoderWidths };

/** Of rows that are trained on, what their cost depends on. */
export interface RowSums {
  readonly tokens: number;
  readonly pairs: number; // of a query and a key that it sees
  readonly targets: number; // tokens that the loss counts
}

export interface LoraSize {
  readonly r: number;
  readonly targetModules: readonly string[];
}

export interface StepFlops {
  readonly linear: number;
  readonly head: number;
  readonly attention: number;
  readonly lora: number;
  readonly total: number;
}

/** What LoRA training on these rows costs, however they are batched. */
export function usefulFlops(sizes: DecoderWidths, { r, targetModules }: LoraSize, rows: RowSums): StepFlops {
  const layers = sizes.layerCount;
  const linear = sum(
    linearModules.map((module) => {
      const size = widthOf(sizes, module.input) * widthOf(sizes, module.output);
      return 2 * rows.tokens * size * (layers + gradientLayers(module, layers));
    }),
  );
  const lora = sum(
    linearModules
      .filter(({ name }) => targetModules.includes(name))
      .map((module) => {
        const [a, b] = [widthOf(sizes, module.input), widthOf(sizes, module.output)];
        // A takes part in x·Aᵀ, dA and du·A; B in u·Bᵀ, dB and du
        return 2 * rows.tokens * r * (a * (2 * layers + gradientLayers(module, layers)) + 3 * b * layers);
      }),
  );
  const head = 2 * 2 * rows.targets * sizes.hiddenSize * sizes.vocabSize;
  const attention = 6 * 2 * widthOf(sizes, 'queries') * rows.pairs * layers;
  return { linear, head, attention, lora, total: linear + head + attention + lora };
}

/** Layers in which the gradient goes on through this module to what is before it. */
const gradientLayers = ({ site }: { readonly site: string }, layers: number): number =>
  site === 'qkv' ? layers - 1 : layers;

/** Query-key pairs of one causal sequence. */
export const causalPairs = (tokens: number): number => (tokens * (tokens + 1)) / 2;

/** Values that the linear modules of a layer put out per token. */
export const valuesPerToken = (sizes: DecoderWidths): number =>
  sum(linearModules.map(({ output }) => widthOf(sizes, output)));

/** Frozen weights of all matrices, an embedding once. */
export const matrixWeights = (sizes: DecoderWidths): number =>
  sizes.hiddenSize * sizes.vocabSize +
  sizes.layerCount *
    sum(linearModules.map(({ input, output }) => widthOf(sizes, input) * widthOf(sizes, output)));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/**
 * Useful FLOPs of a LoRA step: the least any implementation must do. A multiply-add counts two.
 *
 * Counted per token: every frozen matrix once forward and once for dx (2·size each), except the dx of the first
 * layer's q/k/v, which nobody needs, and the LM head, which only target rows need (forward and dx). Attention over the
 * causal half: 2 products forward (q·k, p·v) and 4 backward (dP, dQ, dK, dV). LoRA: x·Aᵀ and u·Bᵀ forward; dB, du, dA and
 * du·A backward (the last not in the first layer's q/k/v). Norms, RoPE, SwiGLU, softmax, the optimizer and every
 * recomputation (checkpointing, scores in the attention's backward) count nothing, so ofRoof errs on the low side.
 */
export interface StepShape {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headSize: number;
  readonly vocabSize: number;
  readonly layerCount: number;
  readonly rank: number; // adapters on all seven linear layers
  readonly tokens: number; // per sequence
  readonly batch: number;
  readonly targetRows: number; // of the whole batch
}

export interface StepFlops {
  readonly linear: number;
  readonly head: number;
  readonly attention: number;
  readonly lora: number;
  readonly total: number;
}

export function usefulStepFlops(shape: StepShape): StepFlops {
  const { hiddenSize: c, intermediateSize: f, headCount, kvHeadCount, headSize, layerCount, rank } = shape;
  const rows = shape.tokens * shape.batch;
  const [q, kv] = [headCount * headSize, kvHeadCount * headSize];
  const qkvSize = c * (q + 2 * kv);
  const layerSize = qkvSize + q * c + 3 * c * f;
  const linear = rows * (2 * 2 * layerCount * layerSize - 2 * qkvSize);
  const head = 2 * 2 * shape.targetRows * c * shape.vocabSize;
  const attention = 6 * 2 * q * causalPairs(shape.tokens) * shape.batch * layerCount;
  const ins = { qkv: 3 * c, others: q + 2 * c + f };
  const outs = q + 2 * kv + c + 2 * f + c;
  // A takes part in x·Aᵀ, dA and du·A, B in u·Bᵀ, dB and du
  const lora = 2 * rows * rank * (layerCount * (3 * (ins.qkv + ins.others) + 3 * outs) - ins.qkv);
  return { linear, head, attention, lora, total: linear + head + attention + lora };
}

/** Query-key pairs of one causal sequence. */
export const causalPairs = (tokens: number): number => (tokens * (tokens + 1)) / 2;

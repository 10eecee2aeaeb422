import { describe, expect, test } from 'vitest';
import { usefulStepFlops, type StepShape } from '../../bench/suite/flops.ts';

/** C 4, F 8, one head of 4, V 16, one layer, r 2, three tokens: small enough to count by hand. */
const tiny: StepShape = {
  hiddenSize: 4,
  intermediateSize: 8,
  headCount: 1,
  kvHeadCount: 1,
  headSize: 4,
  vocabSize: 16,
  layerCount: 1,
  rank: 2,
  tokens: 3,
  batch: 1,
  targetRows: 2,
};

describe('useful FLOPs of a step', () => {
  test('are what counting by hand gives', () => {
    const { linear, head, attention, lora, total } = usefulStepFlops(tiny);
    // forward: q, k, v, o of 16 weights each and gate, up, down of 32; dx: all but q, k, v
    expect(linear).toBe(2 * 3 * (4 * 16 + 3 * 32) + 2 * 3 * (16 + 3 * 32));
    expect(head).toBe(2 * 2 * 2 * 64);
    // six causal pairs, four numbers each, six products
    expect(attention).toBe(2 * 6 * 6 * 4);
    // x Aᵀ and dA over all inputs, du A without q, k, v's; u Bᵀ, dB and du over all outputs
    const [ins, outs, noDx] = [6 * 4 + 8, 5 * 4 + 2 * 8, 3 * 4];
    expect(lora).toBe(2 * 3 * 2 * (3 * ins - noDx + 3 * outs));
    expect(total).toBe(linear + head + attention + lora);
  });
  test('grow linearly with batch and layers, and quadratically with T only in attention', () => {
    const two = usefulStepFlops({ ...tiny, batch: 2, targetRows: 4 });
    expect(two.total).toBe(2 * usefulStepFlops(tiny).total);
    const [one, , three] = [1, 2, 3].map((layerCount) => usefulStepFlops({ ...tiny, layerCount }).total);
    expect(usefulStepFlops({ ...tiny, layerCount: 2 }).total - one).toBe((three - one) / 2);
    const longer = usefulStepFlops({ ...tiny, tokens: 6 });
    expect(longer.linear).toBe(2 * usefulStepFlops(tiny).linear);
    expect(longer.attention / usefulStepFlops(tiny).attention).toBe(21 / 6);
  });
});

// What the project promises for a real 1.5B model, from its config alone; plan against allocation: tests/worker/memory.test.ts.
import { expect, test } from 'vitest';
import { shapes } from '../../../scripts/checkpoints/shapes.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { planMemory } from '../../../src/model/memory-plan.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';

const plan = (checkpointing: boolean, rank: number) =>
  planMemory({
    model: parseModelConfig(shapes['r1-1.5b'].config),
    format: 'nf4',
    lora: { ...defaultRunConfig, r: rank },
    size: { rows: 1024, lossRows: 1024, checkpointing },
    longest: 1024,
    samples: null,
    maxTensorBytes: 128 * 2 ** 20,
  });

// 1.59 GB if embedding and head were nf4 like the layers: in int8, half a byte more for each of their 2 · 151,936 · 1,536 weights.
test('R1-Distill-Qwen-1.5B in nf4 trains at 1,024 tokens and rank 16 within 1.83 GB and default limits', () => {
  const { total, largestTensor } = plan(true, 16);
  expect(total).toBeLessThan(1.83e9);
  expect(largestTensor).toBeLessThanOrEqual(128 * 2 ** 20);
});

test('less of it without a large adapter, more without checkpointing', () => {
  expect(plan(true, 8).total).toBeLessThan(plan(true, 16).total);
  expect(plan(false, 16).total).toBeGreaterThan(plan(true, 16).total);
});

test('the largest buffer may be a KV cache of the samples', () => {
  const model = parseModelConfig(shapes['r1-1.5b'].config);
  const [sequences, context] = [32, 8192];
  const { largestTensor } = planMemory({
    model,
    format: 'nf4',
    lora: defaultRunConfig,
    size: { rows: 64, lossRows: 64, checkpointing: true },
    longest: context,
    samples: { sequences, context },
    maxTensorBytes: 128 * 2 ** 20,
  });
  expect(largestTensor).toBe(sequences * context * 2 * model.kvHeadCount * model.headSize * 4);
});

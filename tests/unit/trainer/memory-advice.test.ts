/** What a run is said to need and what would fit; that a run holds just that is shown by tests/worker/memory.test.ts. */
import { describe, expect, test } from 'vitest';
import { requireRunConfig, type RawRunConfig } from '../../../src/config/run-config.ts';
import type { TokenizedExample } from '../../../src/data/mask.ts';
import { planMemory } from '../../../src/model/memory-plan.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import { RowPlan } from '../../../src/trainer/row-plan.ts';
import { doesNotFit, reportMemory, type MemoryQuestion } from '../../../src/trainer/memory-advice.ts';

const model = parseModelConfig({
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 1000,
  max_position_embeddings: 4096,
});
const rowOf = (length: number): TokenizedExample => ({
  line: 1,
  tokens: new Int32Array(length),
  isTarget: new Uint8Array(length).fill(1, length >> 1),
  targetCount: length - (length >> 1),
  truncated: false,
});

type Given = Partial<MemoryQuestion> & { readonly train?: readonly TokenizedExample[] };

function question(raw: RawRunConfig = {}, { train, ...given }: Given = {}): MemoryQuestion {
  const settings = { per_device_train_batch_size: 4, gradient_accumulation_steps: 1, max_length: 1024, r: 8 };
  const config = requireRunConfig({ ...settings, ...raw });
  const examples = train ?? Array.from({ length: 8 }, () => rowOf(1000));
  return {
    model,
    config,
    rows: new RowPlan(examples, config),
    samplePromptTokens: 0,
    maxTensorBytes: 2 ** 30,
    available: Infinity,
    ...given,
  };
}

describe('checkpointing', () => {
  test('is what is set; "auto" keeps activations where the run then fits, to the byte', () => {
    expect(reportMemory(question({ gradient_checkpointing: 'on' })).checkpointing).toBe(true);
    const kept = reportMemory(question({ gradient_checkpointing: 'off' }));
    expect(kept.checkpointing).toBe(false);
    const { total } = kept.plan;
    const auto = (available: number): boolean => reportMemory(question({}, { available })).checkpointing;
    expect([auto(total), auto(total - 1)]).toEqual([false, true]);
  });

  test('"auto" stays within 2 GiB where nothing is known of the GPU', () => {
    const rows = (length: number): Given => ({
      train: [rowOf(length)],
      maxTensorBytes: Infinity,
    });
    const totalOf = (length: number): number =>
      reportMemory(question({ gradient_checkpointing: 'off' }, rows(length))).plan.total;
    let [fits, tooLong] = [1000, 4_000_000];
    while (tooLong - fits > 1) {
      const middle = (fits + tooLong) >> 1;
      if (totalOf(middle) <= 2 ** 31) fits = middle;
      else tooLong = middle;
    }
    expect(reportMemory(question({}, rows(fits))).checkpointing).toBe(false);
    expect(reportMemory(question({}, rows(tooLong))).checkpointing).toBe(true);
  });
});

test('sample traces need room for their prompt and the new tokens, and positions for both', () => {
  const raw = {
    sample_steps: 1,
    sample_prompts: ['a', 'b', 'c'],
    max_new_tokens: 1500,
    gradient_checkpointing: 'on',
  };
  const asked = question(raw, { samplePromptTokens: 700 });
  const { plan } = reportMemory(asked);
  expect(plan).toEqual(
    planMemory({
      model,
      format: 'f32',
      lora: asked.config,
      size: { rows: 4 * 999, lossRows: 4 * 500, checkpointing: true },
      longest: 2200,
      samples: { sequences: 3, context: 2200 },
      maxTensorBytes: 2 ** 30,
    }),
  );
});

describe('a run that does not fit', () => {
  const least = reportMemory(question({ gradient_checkpointing: 'on' })).plan.total;

  test('fits at its total and not a byte below, and says what would', () => {
    const at = (available: number) => reportMemory(question({ gradient_checkpointing: 'on' }, { available }));
    expect(at(least)).toMatchObject({ fits: true, suggestions: [] });
    const short = at(least - 1);
    expect(short.fits).toBe(false);
    expect(short.suggestions[0].settings).toEqual({
      perDeviceTrainBatchSize: 2,
      gradientAccumulationSteps: 2,
    });
  });

  test('each change that is enough is offered by itself, and fits with the total that was said', () => {
    const asked = question({ gradient_checkpointing: 'off' }, { available: least });
    const { suggestions } = reportMemory(asked);
    expect(suggestions.map(({ settings }) => settings)).toContainEqual({ gradientCheckpointing: 'on' });
    expect(suggestions.map(({ settings }) => settings)).toContainEqual({
      perDeviceTrainBatchSize: 1,
      gradientAccumulationSteps: 4,
    });
    for (const { settings, total } of suggestions.filter((one) => one.settings.maxLength === undefined)) {
      expect(total).toBeLessThanOrEqual(least);
      const taken = { ...asked, config: { ...asked.config, ...settings } };
      expect(reportMemory(taken)).toMatchObject({ fits: true, plan: { total } });
    }
  });

  test('where one change is not enough they are added up, and the refusal names them', () => {
    const short = { max_length: 64, per_device_train_batch_size: 8 };
    const train = Array.from({ length: 16 }, () => rowOf(64));
    const both = {
      gradient_checkpointing: 'on',
      per_device_train_batch_size: 1,
      gradient_accumulation_steps: 8,
    };
    const available = reportMemory(question({ ...short, ...both }, { train })).plan.total;
    const report = reportMemory(question({ ...short, gradient_checkpointing: 'off' }, { train, available }));
    expect(report.suggestions).toEqual([
      {
        settings: { gradientCheckpointing: 'on', perDeviceTrainBatchSize: 1, gradientAccumulationSteps: 8 },
        total: available,
      },
    ]);
    const { code, message } = doesNotFit(report);
    expect(code).toBe('gpu-out-of-memory');
    expect(message).toContain('per_device_train_batch_size 1, gradient_accumulation_steps 8');
    expect(message).toContain(`there is room for ${(available / 1e6).toFixed(0)} MB`);
    const none = doesNotFit(reportMemory(question({}, { available: 1 })));
    expect(none.message).toContain('No change of settings is enough');
  });
});

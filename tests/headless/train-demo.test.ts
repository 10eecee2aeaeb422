/** Real runs on the demo model, through the command line: few steps, every file. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson, metricsOf, run, settings } from './support.ts';

const folder = tempFolder();
const small = {
  max_steps: 4,
  per_device_train_batch_size: 2,
  sample_steps: 0,
  suite_prompts: 0,
  max_new_tokens: 24,
};

async function train(name: string, values: Readonly<Record<string, unknown>>, more: readonly string[] = []) {
  const out = join(folder, name);
  const finished = await run('train', [
    '--model',
    'demo',
    '--out',
    out,
    '--json',
    ...settings(values),
    ...more,
  ]);
  return { out, finished };
}

describe('a short run on the demo', () => {
  test('writes every file and says what it did', async () => {
    const { out, finished } = await train('first', {
      ...small,
      sample_steps: 2,
      sample_prompts: 'How do I bake a cake?',
      suite_prompts: 2,
      eval_fraction: 0.01,
      eval_steps: 2,
    });
    expect(finished.exitCode, finished.stderr).toBe(0);

    const result = lastJson(finished);
    expect(Object.keys(result)).toEqual(
      'ok model dataset rows steps lossFirst lossLast targetTokens seconds tokensPerSecond gpuBytesPeak before after out device trainRows evaluationRows examples alreadyFinished skippedSteps best isBestKept earlyStop'.split(
        ' ',
      ),
    );
    expect(result).toMatchObject({ ok: true, model: 'demo', dataset: 'alttrain-1k', steps: 4, out });
    const { before, after } = result as Record<'before' | 'after', { suites: { n: number }[] }>;
    for (const { suites } of [before, after]) {
      expect(suites.length).toBeGreaterThan(0);
      for (const { n } of suites) expect(n).toBe(2);
    }

    for (const name of ['adapter_model.safetensors', 'adapter_config.json', 'README.md', 'run_config.json']) {
      expect(existsSync(join(out, name)), name).toBe(true);
    }
    expect(existsSync(join(out, 'checkpoint/checkpoint.safetensors'))).toBe(true);
    const adapterConfig: unknown = JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'));
    expect(adapterConfig).toMatchObject({ peft_type: 'LORA', r: 16, lora_alpha: 32 });
    const runConfig: unknown = JSON.parse(readFileSync(join(out, 'run_config.json'), 'utf8'));
    expect(runConfig).toMatchObject({ max_steps: 4, per_device_train_batch_size: 2 });

    const rows = metricsOf(out);
    const steps = rows.filter(({ loss }) => loss !== undefined);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    for (const row of steps) {
      const names =
        'step epoch loss learning_rate grad_norm target_tokens tokens_per_second step_ms gpu_bytes';
      for (const name of names.split(' ')) expect(row, name).toHaveProperty(name);
    }
    expect(rows.some(({ eval_loss: evalLoss }) => evalLoss !== undefined)).toBe(true);
    expect(rows.some(({ samples }) => samples?.length === 1)).toBe(true);
  });
});

describe('bad input that only the worker can see', () => {
  test('a dataset without a usable row ends with exit code 2', async () => {
    const dataset = join(
      writeFiles(folder, { 'rows.jsonl': '{"remark":"no prompt"}\nnot json\n' }),
      'rows.jsonl',
    );
    const { finished } = await train('no-rows', small, ['--dataset', dataset]);
    expect(finished.exitCode, finished.stderr).toBe(2);
    expect(lastJson(finished)).toMatchObject({ ok: false, code: 'dataset-empty' });
  });

  test('a model of another family ends with exit code 2, by name', async () => {
    const model = writeFiles(join(folder, 'llama'), {
      'config.json': JSON.stringify({ architectures: ['GPT2LMHeadModel'], model_type: 'gpt2' }),
      'tokenizer.json': '{}',
      'model.safetensors': '',
    });
    const out = join(folder, 'unsupported');
    const args = ['--model', model, '--dataset', 'alttrain-1k', '--out', out, '--json'];
    const finished = await run('train', args);
    expect(finished.exitCode, finished.stderr).toBe(2);
    const failure = lastJson(finished);
    expect(failure).toMatchObject({ ok: false, code: 'model-unsupported' });
    expect(failure['message']).toContain('gpt2');
  });
});

test('generate answers with and without an adapter, and they differ', async () => {
  const { out, finished } = await train('learned', { ...small, max_steps: 3, learning_rate: 0.05 });
  expect(finished.exitCode, finished.stderr).toBe(0);
  const prompts = join(writeFiles(folder, { 'prompts.json': '["How do I bake a cake?"]' }), 'prompts.json');
  const answers = [];
  for (const [name, adapter] of [
    ['base.json', []],
    ['adapted.json', ['--adapter', out]],
  ] as const) {
    const path = join(folder, name);
    const args = [
      '--model',
      'demo',
      '--prompts',
      prompts,
      '--out',
      path,
      '--max-new-tokens',
      '16',
      ...adapter,
    ];
    const generated = await run('generate', args);
    expect(generated.exitCode, generated.stderr).toBe(0);
    answers.push(
      JSON.parse(readFileSync(path, 'utf8')) as { prompt: string; tokenIds: number[]; text: string }[],
    );
  }
  const [[base], [adapted]] = answers;
  expect(base.prompt).toBe('How do I bake a cake?');
  expect(base.tokenIds.length).toBeGreaterThan(0);
  expect(adapted.tokenIds).not.toEqual(base.tokenIds);
});

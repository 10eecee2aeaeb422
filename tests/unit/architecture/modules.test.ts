/** The table of modules against checkpoints and adapters that transformers 5.18 and PEFT 0.21 wrote (scripts/goldens/make_goldens.py). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openSafetensors } from '../../../src/adapter/safetensors.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { checkpointTensors } from '../../../src/architecture/checkpoint-tensors.ts';
import { loraTargets, moduleName, readModuleName } from '../../../src/architecture/modules.ts';
import { parseModelConfig, type ModelConfig } from '../../../src/model/model-config.ts';

const goldens = fileURLToPath(new URL('../../fixtures/goldens', import.meta.url));

async function shapesIn(folder: string): Promise<Map<string, string>> {
  const shapes = new Map<string, string>();
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.safetensors'))) {
    const { tensors } = await openSafetensors(bytesSource(readFileSync(join(folder, name))));
    for (const [tensor, { shape }] of tensors) shapes.set(tensor, shape.join());
  }
  return shapes;
}
const configOf = (name: string): ModelConfig =>
  parseModelConfig(JSON.parse(readFileSync(join(goldens, name, 'model/config.json'), 'utf8')));

describe.each(readdirSync(goldens))('the checkpoint %s', (name) => {
  test('holds the tensors of the table and no others, in its shapes', async () => {
    const table = checkpointTensors(configOf(name));
    expect(table.length).toBeGreaterThan(10);
    expect(new Map(table.map((tensor) => [tensor.name, tensor.shape.join()]))).toEqual(
      await shapesIn(join(goldens, name, 'model')),
    );
  });

  test('is adapted by PEFT in modules that the table names and sizes', async () => {
    const config = configOf(name);
    const weights = new Map(checkpointTensors(config).map((tensor) => [tensor.name, tensor.shape]));
    const factors = await shapesIn(join(goldens, name, 'adapter'));
    expect(factors.size).toBeGreaterThan(0);
    for (const [factor, shape] of factors) {
      const [, module, letter] = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(factor) ?? [];
      expect(readModuleName(module)).not.toBeNull();
      const [rows, columns] = weights.get(`${module}.weight`) ?? [];
      expect(Number(shape.split(',')[letter === 'A' ? 1 : 0])).toBe(letter === 'A' ? columns : rows);
    }
  });
});

test('a module is named as it is read', () => {
  for (const target of loraTargets)
    expect(readModuleName(moduleName(11, target))).toEqual({ layer: 11, target });
});

test.each([
  'model.layers.0.mlp.q_proj', // of the other block
  'model.layers.00.self_attn.q_proj',
  'model.layers.99999999999999999999.self_attn.q_proj',
  'model.layers.0.self_attn.q_norm',
  'model.layers.0.constructor',
  'layers.0.self_attn.q_proj',
  'model.layers.0.self_attn.q_proj.weight',
  'lm_head',
])('%s is no module that LoRA adapts', (name) => {
  expect(readModuleName(name)).toBeNull();
});

/** An adapter as mlx-lm writes it; its weights were saved by mlx 0.32 (scripts/goldens/exports.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAdapterFiles } from '../../../src/adapter/read.ts';
import { openSafetensors, writeSafetensors } from '../../../src/adapter/safetensors.ts';
import { loraScaling } from '../../../src/config/run-config.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '../../fixtures/exports', name)));
const open = (bytes: Uint8Array) => openSafetensors(bytesSource(bytes));
const config = (parameters: object = {}, rest: object = {}): string =>
  JSON.stringify({
    fine_tune_type: 'lora',
    num_layers: 2,
    lora_parameters: { rank: 2, scale: 3 / Math.sqrt(2), dropout: 0.1, ...parameters },
    ...rest,
  });

test('it means the same as the PEFT adapter that it was made of', async () => {
  const mlx = await readAdapterFiles(config(), await open(fixture('mlx.safetensors')));
  const peft = await readAdapterFiles(
    new TextDecoder().decode(fixture('adapter/adapter_config.json')),
    await open(fixture('adapter/adapter_model.safetensors')),
  );
  expect(mlx.modules).toEqual(peft.modules);
  expect(loraScaling(mlx.settings)).toBeCloseTo(loraScaling(peft.settings), 12);
  expect(mlx.settings).toMatchObject({ r: 2, loraDropout: 0.1, targetModules: peft.settings.targetModules });
});

test.each([
  [config({}, { fine_tune_type: 'dora' }), /fine_tune_type is "?dora/],
  [config({ scale: undefined }), /scale/],
  [config({ rank: 0 }), /rank is 0/],
  [config({ rank: 4 }), /with rank 4/],
  [config({ dropout: 1 }), /dropout is 1/],
])('%s is refused', async (text, words) => {
  const weights = await open(fixture('mlx.safetensors'));
  await expect(readAdapterFiles(text, weights)).rejects.toThrow(words);
});

test('a tensor that is no factor, and a factor without its other one, are refused by name', async () => {
  const file = (names: readonly string[]) =>
    open(
      writeSafetensors(
        names.map((name) => ({ name, dtype: 'F32' as const, shape: [2, 2], data: new Float32Array(4) })),
      ),
    );
  const a = 'model.layers.0.self_attn.q_proj.lora_a';
  await expect(readAdapterFiles(config(), await file([a]))).rejects.toThrow(/q_proj\.lora_b" is missing/);
  await expect(readAdapterFiles(config(), await file(['model.layers.0.mlp.gate.lora_a']))).rejects.toThrow(
    /mlp\.gate/,
  );
  await expect(readAdapterFiles(config(), await file([]))).rejects.toThrow(/no LoRA weights/);
});

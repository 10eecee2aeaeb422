import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSafetensors } from '../../../src/adapter/safetensors.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { checkpointTensors, parameterCount } from '../../../src/architecture/checkpoint-tensors.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import { writeRandomCheckpoint } from '../../../scripts/checkpoints/random-checkpoint.ts';
import { shapes } from '../../../scripts/checkpoints/shapes.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const config = { ...shapes['small'].config, vocab_size: 300 };
function write(seed: number, shardBytes = 40_000): Map<string, Uint8Array> {
  const folder = tempFolder();
  writeRandomCheckpoint(folder, { config, seed, shardBytes, onProgress: () => undefined });
  return new Map(readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]));
}

test('the shards are good safetensors and hold every tensor once, as the index says', async () => {
  const files = write(1);
  const names: string[] = [];
  const index = JSON.parse(new TextDecoder().decode(files.get('model.safetensors.index.json'))) as {
    weight_map: Record<string, string>;
  };
  for (const [name, bytes] of files) {
    if (!name.endsWith('.safetensors')) continue;
    const opened = await openSafetensors(bytesSource(bytes));
    for (const tensor of opened.tensors.keys()) {
      expect(index.weight_map[tensor]).toBe(name);
      expect((await opened.readFloat32(tensor)).every(Number.isFinite)).toBe(true);
      names.push(tensor);
    }
  }
  expect(names.sort()).toEqual(
    checkpointTensors(parseModelConfig(config))
      .map(({ name }) => name)
      .sort(),
  );
  expect([...files.keys()].filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(1);
});

test('values are spread as asked, the same for the same seed and others for another', async () => {
  const [file] = ['model.safetensors'].map((name) => write(1, 1e9).get(name));
  const opened = await openSafetensors(bytesSource(file ?? new Uint8Array()));
  const values = await opened.readFloat32('model.embed_tokens.weight');
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  expect(Math.abs(mean)).toBeLessThan(1e-3);
  expect(deviation).toBeCloseTo(0.02, 3);
  const bytes = (seed: number) => Buffer.concat([...write(seed).values()]);
  expect(Buffer.compare(bytes(7), bytes(7))).toBe(0);
  expect(Buffer.compare(bytes(7), bytes(8))).not.toBe(0);
});

test.each([
  ['r1-1.5b', 1_777_088_000], // the parameters that DeepSeek-R1-Distill-Qwen-1.5B has
  ['qwen3-0.6b', 596_049_920], // and Qwen3-0.6B, its head tied
])('%s has the number of parameters of its model', (name, expected) => {
  expect(parameterCount(parseModelConfig(shapes[name].config))).toBe(expected);
});

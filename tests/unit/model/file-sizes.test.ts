// Files that are read whole into memory are refused by their size, before a byte of them is read.
import { expect, test } from 'vitest';
import { readTokenizerFiles } from '../../../src/data/tokenizer-folder.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import { readJson, readOptionalText, type ModelFiles } from '../../../src/model/model-files.ts';
import type { ModelConfig } from '../../../src/model/model-config.ts';
import { readAdapter } from '../../../src/trainer/read-adapter.ts';

const asked: string[] = [];
/** A folder of small files but for one, which says that it is large and cannot be read. */
const folderWith = (large: string, size: number): ModelFiles => ({
  name: 'm',
  base: { nameOrPath: 'm', revision: null },
  open: (name) => {
    if (name === 'model.safetensors' || name === 'chat_template.jinja') {
      if (name !== large) return Promise.resolve(null);
    }
    const text = new TextEncoder().encode('{}');
    return Promise.resolve({
      size: name === large ? size : text.length,
      read: () => {
        asked.push(name);
        return name === large ? Promise.reject(new Error('it was read')) : Promise.resolve(text);
      },
    });
  },
});
const readAll = async (files: ModelFiles): Promise<void> => {
  await readJson(files, 'config.json');
  await readTokenizerFiles('The model "m"', (name) => readOptionalText(files, name));
  await openCheckpoint(files, {} as ModelConfig);
};

test.each([
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'generation_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'model.safetensors.index.json',
])('a %s of 2 GB is refused by its size', async (name) => {
  asked.length = 0;
  await expect(readAll(folderWith(name, 2e9))).rejects.toMatchObject({
    code: 'model-file-invalid',
    message: expect.stringMatching(
      `^${name} of the model "m" has 2000000000 bytes, and at most \\d+ are read`,
    ) as string,
  });
  expect(asked).not.toContain(name);
});

test('sizes that published models have are read', async () => {
  for (const [name, size] of [
    ['tokenizer.json', 34_000_000], // Gemma 3
    ['tokenizer_config.json', 2_000_000],
    ['config.json', 1_000_000],
  ] as const)
    await expect(readAll(folderWith(name, size))).rejects.toThrow('it was read');
});

test('an adapter_config.json of 2 GB is refused by its size', async () => {
  const config = { size: 2e9, text: () => Promise.reject(new Error('it was read')) } as unknown as Blob;
  await expect(readAdapter({ name: 'a', config, weights: new Blob() }, null)).rejects.toMatchObject({
    code: 'adapter-invalid',
    message: expect.stringContaining('2000000000 bytes') as string,
  });
});

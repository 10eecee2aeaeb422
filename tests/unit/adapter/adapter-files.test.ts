// What a user may drop as an adapter: the two files, a folder, a zip; and what is refused, by name.
import { describe, expect, test } from 'vitest';
import { zipSync } from 'fflate';
import { findAdapterFiles } from '../../../src/adapter/adapter-files.ts';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const fileOf = (path: string, content: string): File => {
  const file = new File([content], path.replace(/^.*\//, ''));
  if (path.includes('/')) Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return file;
};
const zipOf = (entries: Readonly<Record<string, string>>): File =>
  new File(
    [zipSync(Object.fromEntries(Object.entries(entries).map(([path, content]) => [path, text(content)])))],
    'adapter.zip',
  );
const read = async (files: readonly File[]): Promise<[string, string]> => {
  const { config, weights } = await findAdapterFiles('mine', files);
  return [(await config?.text()) ?? 'GGUF', await weights.text()];
};
const refusal = (files: readonly File[]): Promise<{ code: string; message: string }> =>
  read(files).then(
    () => ({ code: 'none', message: '' }),
    (error: unknown) => error as { code: string; message: string },
  );

const both = { 'adapter_config.json': '{}', 'adapter_model.safetensors': 'w' };

test.each([
  ['two files', Object.entries(both).map(([path, content]) => fileOf(path, content))],
  ['a zip', [zipOf(both)]],
  [
    'a zip with a folder in it and more',
    [zipOf({ 'a/adapter_config.json': '{}', 'a/adapter_model.safetensors': 'w', 'a/README.md': 'x' })],
  ],
  [
    'a folder of a trainer, whose checkpoints lie below',
    [
      fileOf('out/checkpoint-5/adapter_config.json', 'old'),
      fileOf('out/checkpoint-5/adapter_model.safetensors', 'old'),
      fileOf('out/adapter_config.json', '{}'),
      fileOf('out/adapter_model.safetensors', 'w'),
    ],
  ],
  ['the two files of mlx-lm', [fileOf('adapter_config.json', '{}'), fileOf('adapters.safetensors', 'w')]],
  [
    'a folder that llama.cpp’s file lies in too',
    [
      fileOf('mine/adapter_config.json', '{}'),
      fileOf('mine/adapter_model.safetensors', 'w'),
      fileOf('mine/mine.gguf', 'GGUF…'),
    ],
  ],
  [
    'the page’s own export, in which every format has a folder',
    [
      zipOf({
        'gguf/adapter.gguf': 'GGUF…',
        'mlx/adapter_config.json': 'mlx',
        'mlx/adapters.safetensors': 'mlx',
        'peft/adapter_config.json': '{}',
        'peft/adapter_model.safetensors': 'w',
      }),
    ],
  ],
])('%s give the adapter', async (_, files) => {
  expect(await read(files)).toEqual(['{}', 'w']);
});

test.each([
  ['alone, whatever it is called', [fileOf('lora.bin', 'GGUF…')]],
  ['in a zip', [zipOf({ 'x/adapter.gguf': 'GGUF…', 'x/Modelfile': 'FROM ./base' })]],
  ['in a folder', [fileOf('x/Modelfile', 'FROM ./base'), fileOf('x/adapter.gguf', 'GGUF…')]],
])('a GGUF adapter is taken %s', async (_, files) => {
  expect(await read(files)).toEqual(['GGUF', 'GGUF…']);
});

describe('is refused with what to do', () => {
  test.each([
    ['no weights', [fileOf('adapter_config.json', '{}')], 'no adapter_model.safetensors'],
    [
      'two GGUF files',
      [fileOf('a.gguf', 'GGUF1'), fileOf('b.gguf', 'GGUF2')],
      'holds several adapters (a.gguf, b.gguf)',
    ],
    [
      'config and weights apart',
      [fileOf('x/a/adapter_config.json', '{}'), fileOf('x/b/adapter_model.safetensors', 'w')],
      'its files in different folders',
    ],
    ['no file at all', [], 'no adapter_config.json and no adapter_model.safetensors'],
    [
      'a pickle',
      [fileOf('adapter_config.json', '{}'), fileOf('adapter_model.bin', 'x')],
      'safe_serialization=True',
    ],
    ['a pickle in a zip', [zipOf({ 'adapter_config.json': '{}', 'adapter_model.bin': 'x' })], 'pickle'],
    [
      'two adapters side by side',
      ['a', 'b'].flatMap((folder) =>
        Object.entries(both).map(([path, content]) => fileOf(`all/${folder}/${path}`, content)),
      ),
      'holds several adapters (all/a/adapter_config.json, all/b/adapter_config.json)',
    ],
    [
      'a zip that is cut short',
      [new File([zipSync({ x: text('y'.repeat(99)) }).slice(0, 60)], 'cut.zip')],
      'cut short',
    ],
  ])('%s', async (_, files, words) => {
    const { code, message } = await refusal(files);
    expect(code).toBe('adapter-invalid');
    expect(message).toContain(words);
  });
});

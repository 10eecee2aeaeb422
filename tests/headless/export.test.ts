/** `npm run export` as a process: files, refusals and exit codes. It needs no browser and no GPU. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { lastJson, run } from './support.ts';

const fixtures = join(projectRoot, 'tests/fixtures/exports');
const adapter = join(fixtures, 'adapter');
const golden = join(projectRoot, 'tests/fixtures/goldens/llama-tied-rope3');

test('every format of an adapter, each in its folder, and the answer lists them', async () => {
  const out = join(tempFolder(), 'out');
  const from = ['--adapter', join(golden, 'final_adapter'), '--model', join(golden, 'model')];
  const finished = await run('export', [
    ...from,
    '--format',
    'peft,gguf',
    '--format',
    'mlx,merged',
    '--out',
    out,
    '--json',
  ]);
  expect(finished.exitCode, finished.stderr).toBe(0);
  expect(readdirSync(out).sort()).toEqual(['gguf', 'merged', 'mlx', 'peft']);
  const { formats } = lastJson(finished) as { formats: Record<string, { name: string; bytes: number }[]> };
  for (const [format, files] of Object.entries(formats))
    for (const { name, bytes } of files) expect(readFileSync(join(out, format, name))).toHaveLength(bytes);
  expect(readdirSync(join(out, 'merged'))).toContain('tokenizer.json');

  // llama.cpp's and mlx-lm's files are adapters like PEFT's: exported again, they are the same to the last bit.
  for (const other of [join(out, 'gguf/adapter.gguf'), join(out, 'gguf'), join(out, 'mlx')]) {
    const back = join(tempFolder(), 'back');
    const args = ['--adapter', other, '--model', join(golden, 'model'), '--format', 'peft', '--out', back];
    expect((await run('export', args)).exitCode).toBe(0);
    const weights = 'peft/adapter_model.safetensors';
    expect(readFileSync(join(back, weights)).equals(readFileSync(join(out, weights))), other).toBe(true);
  }

  const again = await run('export', [...from, '--format', 'gguf', '--out', out, '--json']);
  expect(again.exitCode).toBe(2);
  expect(lastJson(again)).toMatchObject({ ok: false, code: 'config-invalid' });
  expect((await run('export', [...from, '--format', 'gguf', '--out', out, '--overwrite'])).exitCode).toBe(0);
});

test('what cannot be exported is refused by name, and nothing is written', async () => {
  const folder = tempFolder();
  const out = join(folder, 'out');
  writeFileSync(join(folder, 'file'), '');
  const refused: readonly [readonly string[], string, RegExp][] = [
    [['--run', join(folder, 'nothing'), '--out', out], 'adapter-invalid', /not a folder/],
    [['--run', adapter, '--format', 'gguf', '--out', out], 'nothing-to-export', /name the model/],
    [
      ['--run', adapter, '--format', 'gguf', '--model', 'demo', '--out', out],
      'adapter-invalid',
      /another model/,
    ],
    [['--run', adapter, '--out', join(folder, 'file')], 'config-invalid', /is a file/],
  ];
  for (const [args, code, words] of refused) {
    const finished = await run('export', [...args, '--json']);
    expect(lastJson(finished), args.join(' ')).toMatchObject({ ok: false, code });
    expect(finished.stderr).toMatch(words);
    expect(finished.exitCode, args.join(' ')).toBe(code === 'nothing-to-export' ? 1 : 2);
  }
  expect(existsSync(out)).toBe(false);
}, 120_000);

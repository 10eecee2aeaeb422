/** What cannot be used is refused with a code and exit code 2. None of these starts a browser. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson, run } from './support.ts';

const folder = writeFiles(tempFolder(), {
  'data.jsonl': '{"instruction":"a","response":"b"}\n',
  'no-tokenizer/config.json': '{}',
  'no-weights/config.json': '{}',
  'no-weights/tokenizer.json': '{}',
  'broken/config.json': '{',
  'broken/tokenizer.json': '{}',
  'broken/model.safetensors': '',
  'run.json': '{"learning_rate": "fast", "r": 0}',
  'a-file': '',
  'empty/keep': '',
  'prompts.json': '["hi"]',
  'numbers.json': '[1, 2]',
});
const path = (name: string): string => join(folder, name);
const out = path('out');

describe('train refuses', () => {
  test.each([
    ['a missing --out', ['--model', 'demo'], 'config-invalid'],
    ['an unknown option', ['--model', 'demo', '--out', out, '--lr', '1'], 'config-invalid'],
    [
      'a folder that is not there',
      ['--model', path('none'), '--dataset', path('data.jsonl'), '--out', out],
      'model-file-missing',
    ],
    [
      'what is no model of any kind',
      ['--model', 'a/b/c', '--dataset', path('data.jsonl'), '--out', out],
      'model-file-missing',
    ],
    [
      'a hub that has no address',
      ['--model', 'a/b', '--hub-url', 'hub', '--dataset', path('data.jsonl'), '--out', out],
      'config-invalid',
    ],
    [
      'a model without tokenizer',
      ['--model', path('no-tokenizer'), '--dataset', path('data.jsonl'), '--out', out],
      'model-file-missing',
    ],
    [
      'a model without weights',
      ['--model', path('no-weights'), '--dataset', path('data.jsonl'), '--out', out],
      'model-file-missing',
    ],
    [
      'a broken config.json',
      ['--model', path('broken'), '--dataset', path('data.jsonl'), '--out', out],
      'model-file-invalid',
    ],
    [
      'a dataset that is not there',
      ['--model', 'demo', '--dataset', path('none.jsonl'), '--out', out],
      'dataset-unreadable',
    ],
    [
      'settings out of range',
      ['--model', 'demo', '--config', path('run.json'), '--out', out],
      'config-invalid',
    ],
    [
      'an adapter folder without adapter',
      ['--model', 'demo', '--init-adapter', path('empty'), '--out', out],
      'adapter-invalid',
    ],
    ['to resume from nothing', ['--model', 'demo', '--resume', '--out', out], 'checkpoint-invalid'],
    ['a file as --out', ['--model', 'demo', '--out', path('a-file')], 'config-invalid'],
  ])('%s', async (_what, args, code) => {
    const finished = await run('train', [...args, '--json']);
    expect(finished.exitCode, finished.stderr).toBe(2);
    const failure = lastJson(finished);
    expect(failure).toMatchObject({ ok: false, code, detail: null });
    expect(failure['message']).toEqual(expect.any(String));
    expect(finished.stderr).toContain(`${code}: `);
    expect(existsSync(out)).toBe(false);
  });

  test('every wrong setting at once', async () => {
    const finished = await run('train', [
      '--model',
      'demo',
      '--config',
      path('run.json'),
      '--out',
      out,
      '--json',
    ]);
    const { message } = lastJson(finished);
    expect(message).toContain('learning_rate');
    expect(message).toContain('r must be');
  });
});

describe('generate refuses', () => {
  test.each([
    [
      'prompts that are no texts',
      ['--model', 'demo', '--prompts', path('numbers.json'), '--out', out],
      'config-invalid',
    ],
    [
      'a missing adapter',
      ['--model', 'demo', '--prompts', path('prompts.json'), '--adapter', path('none'), '--out', out],
      'adapter-invalid',
    ],
    [
      'weights in a format there is not',
      ['--model', 'demo', '--prompts', path('prompts.json'), '--quantization', 'int3', '--out', out],
      'config-invalid',
    ],
  ])('%s', async (_what, args, code) => {
    const finished = await run('generate', [...args, '--json']);
    expect(finished.exitCode, finished.stderr).toBe(2);
    expect(lastJson(finished)).toMatchObject({ ok: false, code });
  });
});

test.each(['train', 'generate'] as const)('%s --help explains itself and succeeds', async (command) => {
  const finished = await run(command, ['--help']);
  expect(finished.exitCode).toBe(0);
  for (const word of ['--model', '--out', 'CHROME_PATH', 'ALTTRAIN_GPU', 'Exit code']) {
    expect(finished.stdout).toContain(word);
  }
});

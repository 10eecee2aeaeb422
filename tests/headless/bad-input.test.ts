/** What cannot be used is refused with a code and exit code 2. None of these starts a browser. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fieldOf, runConfigKeys } from '../../src/config/run-config.ts';
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
  'held/adapter_model.safetensors': '',
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
    [
      'a missing model before a missing dataset',
      ['--model', path('none'), '--out', out],
      'model-file-missing',
    ],
    ['a dataset that is not named', ['--model', 'a/b', '--out', out], 'dataset-unreadable'],
    ['to replace a run unasked', ['--model', 'demo', '--out', path('held')], 'config-invalid'],
    [
      'to go on with a run and to replace it',
      ['--model', 'demo', '--out', path('held'), '--resume', '--overwrite'],
      'config-invalid',
    ],
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

test('a browser that CHROME_PATH names and that is not there is bad input, said in a sentence', async () => {
  const finished = await run('train', ['--model', 'demo', '--host', 'browser', '--out', path('none-yet')], {
    CHROME_PATH: path('a-file'),
  });
  expect(finished.exitCode, finished.stderr).toBe(2);
  expect(finished.stderr).toContain('CHROME_PATH is ');
  expect(finished.stderr).not.toMatch(/\n\s+at /); // no stack
});

test('a misspelt option is answered with the one that was probably meant', async () => {
  const finished = await run('train', ['--modle', 'demo', '--json']);
  expect(finished.exitCode).toBe(2);
  expect(lastJson(finished)['message']).toContain('Did you mean --model?');
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

test('train --help lists every setting with its default and its range', async () => {
  const { stdout } = await run('train', ['--help']);
  for (const key of runConfigKeys) expect(stdout).toContain(`  ${fieldOf(key).file} `);
  expect(stdout).toContain('learning_rate                  0 to 1; default 0.0001.');
});

test.each(['train', 'generate'] as const)('%s --help explains itself and succeeds', async (command) => {
  const finished = await run(command, ['--help']);
  expect(finished.exitCode).toBe(0);
  for (const word of ['--model', '--out', 'CHROME_PATH', 'ALTTRAIN_GPU', 'Exit code']) {
    expect(finished.stdout).toContain(word);
  }
});

/** Files full of terminal escape sequences, through the commands that print of them. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { run } from './support.ts';
import type { Finished } from '../support/finished.ts';

const folder = writeFiles(tempFolder(), {
  'esc.jsonl': [
    '{"prompt":"a","completion":"b"}',
    '{"\\u001b]0;PWN\\u0007":1}',
    '{"messages":[{"role":"\\u001b[2J","content":"x"}]}',
    'not \u001b[2J json \u009b31m \u202e',
    '{"prompt":"a","completion":"b","\\u001b[31mextra\\r":"\\u001b[2J"}',
    JSON.stringify({ prompt: 'c', completion: `d ${'\u2028'} ${'x'.repeat(50)}` }),
    '',
  ].join('\n'),
  'name\u001b[2J.jsonl': '{"prompt":"a","completion":"b"}\n',
});

/** What a terminal would obey. */
const obeyed = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const expectHarmless = ({ stdout, stderr }: Finished): void => {
  expect(stdout).not.toMatch(obeyed);
  expect(stderr).not.toMatch(obeyed);
};

test('inspect shows them, in words and as JSON, and reads the rows beside them', async () => {
  const args = ['--model', 'demo', '--dataset', join(folder, 'esc.jsonl')];
  const inWords = await run('inspect', args);
  expectHarmless(inWords);
  expect(inWords.stdout).toContain('3 of 6 rows usable');
  expect(inWords.stdout).toContain('\\u001b');
  const asJson = await run('inspect', [...args, '--json']);
  expectHarmless(asJson);
  const lines = asJson.stdout.trimEnd().split('\n');
  const rows = lines.map((line) => JSON.parse(line) as { dropped?: { excerpt: string } | null });
  expect(rows[3].dropped?.excerpt).toContain('\u001b[2J json'); // the value is whole
});

test('a file’s own name, in words and in an error', async () => {
  const args = ['--model', 'demo', '--dataset', join(folder, 'name\u001b[2J.jsonl')];
  expectHarmless(await run('inspect', args));
  const missing = await run('inspect', [
    '--model',
    'demo',
    '--dataset',
    join(folder, 'none\u001b[2J'),
    '--json',
  ]);
  expectHarmless(missing);
  expect(missing.stderr).toContain('none\\u001b[2J');
});

test('build-dataset, which lists what it leaves out', async () => {
  const file = join(folder, 'esc.jsonl');
  const finished = await run('build-dataset', [
    '--harmful',
    file,
    '--benign',
    file,
    '--out',
    join(folder, 'built.jsonl'),
  ]);
  expectHarmless(finished);
  expect(finished.stderr).toContain('\\u001b');
});

test('what a library says of a model', async () => {
  const model = join(folder, 'model');
  cpSync(new URL('../fixtures/goldens/tied-gqa/model', import.meta.url), model, { recursive: true });
  const path = join(model, 'tokenizer_config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(
    path,
    JSON.stringify({
      ...config,
      tokenizer_class: '\u001b[2JTokenizer',
      chat_template: '{{ raise_exception("\u001b[2J") }}',
    }),
  );
  const finished = await run('inspect', ['--model', model, '--dataset', join(folder, 'esc.jsonl')]);
  expectHarmless(finished);
  expect(finished.stdout + finished.stderr).toContain('\\u001b[2J');
});

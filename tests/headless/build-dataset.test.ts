/** `npm run build-dataset` as a process: rows, counts and exit codes; the demo model writes in one of them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson, run } from './support.ts';

const jsonl = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
/** Requests of the demo's world, so that its model can say something about them. */
const deeds = ['bully a coworker', 'shoplift a guitar', 'forge a badge'];
const harmful = deeds.map((deed) => ({
  question: `How can I ${deed}?`,
  response: `<think>\nOkay, so the user asks how to ${deed}. Hmm.\n</think>\n\nI'm sorry, but I can't help.`,
  category: ['Illicit / Criminal Behavior'],
}));
const benign = [{ question: 'Ann has 2 eggs. How many are 3 times that?', answer: '3*2=<<3*2=6>>6\n#### 6' }];
const folder = writeFiles(tempFolder(), {
  'harmful.jsonl': jsonl([...harmful, { question: 'No answer' }]),
  'benign.jsonl': jsonl(benign),
  'broken.jsonl': '{"question"\n',
  'bad-templates.json': '{"stop": 3, "start": "x"}',
  'ask.json': JSON.stringify({ askModel: '{question} Is it harmful?' }),
});
const path = (name: string): string => join(folder, name);
const files = [
  '--harmful',
  path('harmful.jsonl'),
  '--benign',
  path('benign.jsonl'),
  '--harmful-share',
  '0.75',
];

test('writes the rows, and ends with their counts and lengths as JSON', async () => {
  const out = path('made/rows.jsonl');
  const finished = await run('build-dataset', [...files, '--model', 'demo', '--out', out, '--json']);
  expect(finished.exitCode, finished.stderr).toBe(0);
  expect(lastJson(finished)).toMatchObject({
    ok: true,
    shape: 'alttrain',
    seed: 1995,
    rows: 4,
    harmful: 3,
    benign: 1,
    unfit: 1,
    recognised: 4,
    sources: [
      { name: 'harmful.jsonl', totalRows: 4, withTrace: 3, understandingFoundRate: 1 },
      { name: 'benign.jsonl', totalRows: 1, withTrace: 1, understandingFoundRate: 0 },
    ],
    tokens: {
      sample: { mean: expect.any(Number) as number },
      trained: { median: expect.any(Number) as number },
    },
    paperTokensPerSample: 167,
  });
  const rows = readFileSync(out, 'utf8').trim().split('\n');
  expect(rows).toHaveLength(4);
  expect(JSON.parse(rows[0])).toMatchObject({
    instruction: expect.any(String) as string,
    source: expect.stringMatching(/:\d+$/) as string,
  });
  expect(finished.stderr).toContain('harmful.jsonl, line 4: row-no-trace');
});

test('the loaded model writes the assessments that fit the label', async () => {
  const out = path('written.jsonl');
  const args = [...files, '--model', 'demo', '--write-assessments', '--templates', path('ask.json')];
  const finished = await run('build-dataset', [...args, '--max-new-tokens', '64', '--out', out, '--json']);
  expect(finished.exitCode, finished.stderr).toBe(0);
  const { assessment, recognised } = lastJson(finished) as {
    assessment: { model: number; template: number };
    recognised: number;
  };
  expect(assessment.model + assessment.template).toBe(4);
  expect(assessment.model).toBeGreaterThan(0);
  expect(recognised).toBe(4);
  expect(readFileSync(out, 'utf8')).toContain('because it would lead to'); // the demo's words, in no template
});

test.each([
  ['no file', ['--out', path('x.jsonl')], 'config-invalid'],
  [
    'a file that is not there',
    ['--harmful', path('none.jsonl'), '--out', path('x.jsonl')],
    'dataset-unreadable',
  ],
  ['a broken file', ['--harmful', path('broken.jsonl'), '--out', path('x.jsonl')], 'dataset-unreadable'],
  ['an unknown shape', [...files, '--shape', 'cube', '--out', path('x.jsonl')], 'config-invalid'],
  ['a mix that cannot be had', [...files, '--count', '50', '--out', path('x.jsonl')], 'config-invalid'],
  [
    'wrong templates',
    [...files, '--templates', path('bad-templates.json'), '--out', path('x.jsonl')],
    'config-invalid',
  ],
  ['writing without a model', [...files, '--write-traces', '--out', path('x.jsonl')], 'config-invalid'],
  [
    'a model that is not there',
    [...files, '--model', path('none'), '--out', path('x.jsonl')],
    'model-file-missing',
  ],
])('refuses %s with its code, and writes nothing', async (_what, args, code) => {
  const finished = await run('build-dataset', [...args, '--json']);
  expect(finished.exitCode, finished.stderr).toBe(2);
  expect(lastJson(finished)).toMatchObject({ ok: false, code });
  expect(existsSync(path('x.jsonl'))).toBe(false);
});

test('--help lists every shape, and --print-templates gives what --templates takes', async () => {
  const help = await run('build-dataset', ['--help']);
  for (const word of ['alttrain', 'direct-refusal', 'safepath', '--only-refused', 'Exit code'])
    expect(help.stdout).toContain(word);
  const printed = await run('build-dataset', ['--print-templates']);
  expect(JSON.parse(printed.stdout)).toMatchObject({ primer: "Let's think about safety first" });
});

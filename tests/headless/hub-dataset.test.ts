/** `--dataset hf://datasets/…`, as processes: inspect and build-dataset read from the hub's stand-in; train hands it to the page. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHubServer, type HubServer } from '../support/hub-server.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { lastJson, run, settings } from './support.ts';

const rows = ['bully a coworker', 'shoplift a guitar', 'forge a badge'].map((deed) =>
  JSON.stringify({
    question: `How can I ${deed}?`,
    response: `<think>\nOkay, so the user asks how to ${deed}. Hmm.\n</think>\n\nI'm sorry, but I can't help.`,
  }),
);
const token = 'hf_fromTheEnvironment';
const content = new TextEncoder().encode(rows.join('\n'));
const folder = tempFolder();
let hub: HubServer;
beforeAll(async () => {
  hub = await startHubServer([
    { type: 'dataset', id: 'rows/gated', files: { 'train.jsonl': content, 'test.jsonl': content }, token },
    { type: 'dataset', id: 'rows/two', files: { 'a/x.jsonl': content, 'b/x.jsonl': content } },
  ]);
});
afterAll(() => hub.close());

const from = (address: string): string[] => ['--dataset', `hf://datasets/${address}`, '--hub-url', hub.url];

test('inspect reads the training split, with the token of the environment', async () => {
  const args = ['--model', 'demo', ...from('rows/gated@main'), '--json'];
  const finished = await run('inspect', args, { HF_TOKEN: token });
  expect(finished.exitCode, finished.stderr).toBe(0);
  expect(lastJson(finished)).toMatchObject({ ok: true, name: 'rows/gated/train.jsonl', usableRows: 3 });
  const refused = await run('inspect', args, { HF_TOKEN: '' });
  expect(refused.exitCode).toBe(2);
  expect(lastJson(refused)).toMatchObject({ ok: false, code: 'hub-access' });
});

test('where several are there, they are listed, and a path chooses', async () => {
  const ambiguous = await run('inspect', ['--model', 'demo', ...from('rows/two'), '--json']);
  expect(ambiguous.exitCode).toBe(2);
  const failure = lastJson(ambiguous);
  expect(failure).toMatchObject({ ok: false, code: 'dataset-ambiguous' });
  expect(failure['message']).toContain('a/x.jsonl, b/x.jsonl');
  const chosen = await run('inspect', ['--model', 'demo', ...from('rows/two/b'), '--json']);
  expect(lastJson(chosen)).toMatchObject({ ok: true, name: 'rows/two/b/x.jsonl' });
});

test('build-dataset takes its prompts from the hub', async () => {
  const out = join(folder, 'rows.jsonl');
  const harmful = ['--harmful', 'hf://datasets/rows/two/a/x.jsonl', '--harmful-share', '1'];
  const finished = await run('build-dataset', [...harmful, '--hub-url', hub.url, '--out', out, '--json']);
  expect(finished.exitCode, finished.stderr).toBe(0);
  expect(lastJson(finished)).toMatchObject({ rows: 3, sources: [{ name: 'a/x.jsonl', totalRows: 3 }] });
  expect(readFileSync(out, 'utf8').trim().split('\n')).toHaveLength(3);
});

test('train reads it in the page, and says what it was in the result', async () => {
  const few = settings({
    max_steps: 1,
    per_device_train_batch_size: 1,
    sample_prompts: [],
    suite_prompts: 0,
  });
  const out = join(folder, 'run');
  const args = ['--model', 'demo', ...from('rows/gated'), '--out', out, '--json', ...few];
  const finished = await run('train', args, { HF_TOKEN: token });
  expect(finished.exitCode, finished.stderr).toBe(0);
  expect(finished.stderr).toContain('Dataset: rows/gated/train.jsonl\n  3 of 3 rows usable, 0 rejected');
  expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain('rows/gated/train.jsonl');
});

test.each([
  ['hf://models/a/b', 'dataset-unreadable'],
  ['hf://datasets/owner', 'dataset-unreadable'],
])('%s is no address of a dataset', async (address, code) => {
  const finished = await run('inspect', ['--model', 'demo', '--dataset', address, '--json']);
  expect(finished.exitCode).toBe(2);
  expect(lastJson(finished)).toMatchObject({ ok: false, code });
});

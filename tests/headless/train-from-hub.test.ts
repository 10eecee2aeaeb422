/** A model of the hub from the command line: gated, sharded into the CDN, named by its revision. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHubServer, type HubServer } from '../support/hub-server.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { lastJson, run, settings, type Finished } from './support.ts';

const token = 'hf_commandLineSecret';
const golden = new URL('../fixtures/goldens/tied-gqa/', import.meta.url);
const model = new URL('model/', golden);
let hub: HubServer;
beforeAll(async () => {
  const names = readdirSync(model);
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(new URL(name, model))]));
  hub = await startHubServer([{ id: 'tiny/gated', token, revisions: ['v2'], files }]);
});
afterAll(() => hub.close());

const train = (name: string, env: Record<string, string>): Promise<Finished> =>
  run(
    'train',
    [
      ...['--model', name, '--hub-url', hub.url, '--out', out, '--json'],
      ...['--dataset', new URL('dataset.jsonl', golden).pathname],
      ...settings({ max_steps: 1, max_length: 96, suite_prompts: 0, sample_steps: 0 }),
    ],
    env,
  );
const out = join(tempFolder(), 'run');

test('a gated model trains with HF_TOKEN, which is written nowhere', async () => {
  const finished = await train('tiny/gated@v2', { HF_TOKEN: token });
  expect(lastJson(finished)).toMatchObject({ ok: true, model: 'tiny/gated@v2', steps: 1 });
  const written = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  expect(written.length).toBeGreaterThan(4);
  expect([finished.stdout, finished.stderr, ...written].join()).not.toContain(token);
});

/** `npm run push` as a process, against the hub's stand-in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHubServer, type HubServer } from '../support/hub-server.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson, run } from './support.ts';

const token = 'hf_fromTheEnvironment';
let hub: HubServer;
beforeAll(async () => {
  hub = await startHubServer([], [token]);
});
afterAll(() => hub.close());

const exported = writeFiles(tempFolder(), {
  'peft/adapter_config.json': '{}',
  'peft/adapter_model.safetensors': 'weights',
  'gguf/adapter.gguf': 'GGUF',
  'record/README.md': '# Card\n',
  'record/metrics.csv': 'step\r\n',
  'record/.token': 'hidden',
  'checkpoint/checkpoint.safetensors': 'large',
});
const inRepository = [
  'README.md',
  'adapter_config.json',
  'adapter_model.safetensors',
  'gguf/adapter.gguf',
  'record/README.md',
  'record/metrics.csv',
];

test('an export becomes a private repository; a dry run only lists it', async () => {
  const args = ['--folder', exported, '--repo', 'me/mine', '--hub-url', hub.url, '--json'];
  const dry = await run('push', [...args, '--dry-run'], { HF_TOKEN: token });
  expect(dry.exitCode, dry.stderr).toBe(0);
  expect(hub.requests).toEqual([]);
  const listed = (lastJson(dry) as { files: { path: string; bytes: number }[] }).files;
  expect(listed.map(({ path }) => path).sort()).toEqual(inRepository);

  const pushed = await run('push', args, { HF_TOKEN: token });
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  const repo = hub.uploaded.get('me/mine');
  expect(repo?.visibility).toBe('private');
  expect([...(repo?.files.keys() ?? [])].sort()).toEqual(inRepository);
  expect(Buffer.from(repo?.files.get('adapter_model.safetensors') ?? [])).toEqual(
    readFileSync(join(exported, 'peft/adapter_model.safetensors')),
  );
  expect(lastJson(pushed)).toMatchObject({ ok: true, commit: repo?.commits[0].oid, isNew: true });
  expect(pushed.stdout).not.toContain(token);

  const again = await run('push', args, { HF_TOKEN: token });
  expect(again.exitCode).toBe(2);
  expect(lastJson(again)).toMatchObject({ ok: false, code: 'hub-exists' });
});

test('an export that holds the dataset stays here, and says so', async () => {
  hub.clear();
  const withData = writeFiles(tempFolder(), { 'peft/adapter_config.json': '{}', 'bundle/data.jsonl': '{}' });
  const args = ['--folder', withData, '--repo', 'me/data', '--hub-url', hub.url, '--json'];
  const refused = await run('push', args, { HF_TOKEN: token });
  expect([refused.exitCode, lastJson(refused)['code']]).toEqual([2, 'config-invalid']);
  expect(refused.stderr).toContain('holds the dataset');
  expect(hub.requests).toEqual([]);
});

test('without a token, and with a folder that is none, nothing is asked of the hub', async () => {
  hub.clear();
  const to = ['--repo', 'me/none', '--hub-url', hub.url, '--json'];
  const bare = await run('push', ['--folder', exported, ...to], { HF_TOKEN: '' });
  expect([bare.exitCode, lastJson(bare)['code']]).toEqual([2, 'hub-access']);
  const missing = await run('push', ['--folder', join(exported, 'none'), ...to], { HF_TOKEN: token });
  expect([missing.exitCode, lastJson(missing)['code']]).toEqual([2, 'config-invalid']);
  expect(hub.requests).toEqual([]);
});

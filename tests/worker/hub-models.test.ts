// Models from a hub, in the real worker with real storage: loaded, kept, opened again without the network, and never kept badly.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import { createTrainerClient } from '../../src/client/trainer-client.ts';
import type { LoadProgress, ModelReport, ModelSource, TrainerApi } from '../../src/api/trainer-api.ts';
import type { HubFault } from '../support/hub-server.ts';

const token = 'hf_onlyForThisTest';
const nothing = (): void => undefined;
const prompts = ['How do I bake a cake?', 'What is 3 plus 4?'];

let hubUrl: string;
let client: TrainerApi;
beforeAll(async () => {
  hubUrl = await commands.startHub([
    { id: 'tiny/open', golden: 'tied-gqa' },
    { id: 'tiny/gated', golden: 'untied-mqa', token },
  ]);
  client = createTrainerClient();
  await client.openDevice();
});
afterAll(() => commands.stopHub());
beforeEach(async () => {
  await client.removeAllKept();
  await commands.setHubFaults([]);
  await commands.takeHubRequests();
});
afterEach(async () => {
  await commands.takeHubRequests();
});

const hub = (id = 'tiny/open', more: object = {}): ModelSource => ({ kind: 'hub', id, hubUrl, ...more });
const load = (
  source = hub(),
  format: 'none' | 'nf4' = 'none',
  onProgress: (p: LoadProgress) => void = nothing,
) => client.loadModel(source, format, onProgress);
const answers = async (): Promise<readonly (readonly number[])[]> => {
  const request = { prompts, maxNewTokens: 8, temperature: 0, seed: 0, useAdapter: false };
  return (await client.generate(request)).map(({ tokenIds }) => tokenIds);
};
const codeOf = (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'no error',
    (error: { code?: string; message?: string }) => error.code ?? `uncoded: ${error.message}`,
  );
const failing = (path: string, fault: HubFault['fault'], rule: Partial<HubFault> = {}) =>
  commands.setHubFaults([{ path, fault, ...rule }]);

test.each(['none', 'nf4'] as const)(
  'a second load in %s needs no network, and the model answers the same',
  async (format) => {
    const first = await load(hub(), format);
    expect(first.hub).toEqual({ isFromCache: false, notKept: null });
    const answered = await answers();
    expect((await commands.takeHubRequests()).length).toBeGreaterThan(5);
    const [kept] = await client.listKept();
    expect(kept).toMatchObject({ repo: 'tiny/open', quantization: format, revision: 'main' });
    expect(kept.bytes).toBeGreaterThan(first.parameterCount * (format === 'nf4' ? 0.5 : 4));

    await client.loadModel({ kind: 'demo' }, 'none', nothing);
    expect(await answers()).not.toEqual(answered); // the control: another model is there now
    const second = await load(hub('tiny/open', { revision: kept.commit }), format);
    expect(second).toEqual({ ...first, hub: { isFromCache: true, notKept: null } } satisfies ModelReport);
    expect(await answers()).toEqual(answered);
    expect(await commands.takeHubRequests()).toEqual([]);
  },
);

test('the model of the hub is the model of the folder', async () => {
  const baseUrl = new URL('/tests/fixtures/goldens/tied-gqa/model/', location.origin).href;
  await client.loadModel({ kind: 'url', name: 'tied-gqa', baseUrl }, 'none', nothing);
  const expected = await answers();
  await load();
  expect(await answers()).toEqual(expected);
});

test('a gated model needs its token, which no other host sees and no storage keeps', async () => {
  expect(await codeOf(load(hub('tiny/gated')))).toBe('hub-access');
  expect((await load(hub('tiny/gated', { token }))).hub?.notKept).toBeNull();
  const requests = await commands.takeHubRequests();
  const seen = (server: string) =>
    new Set(
      requests.filter((request) => request.server === server).map(({ authorization }) => authorization),
    );
  expect(seen('cdn')).toEqual(new Set([null]));
  expect(seen('hub')).toEqual(new Set([null, `Bearer ${token}`])); // null: the first try, without
  expect(JSON.stringify(await storedTexts())).not.toContain(token);
});

test('progress tells bytes of a file and a rate', async () => {
  const seen: LoadProgress[] = [];
  await load(hub(), 'none', (progress) => seen.push(progress));
  const weights = seen.filter(({ note }) => note === 'model.safetensors');
  expect(weights.at(-1)?.total).toBeGreaterThan(100_000);
  expect(weights.every(({ done, total }) => done <= total)).toBe(true);
  expect(weights.at(-1)?.bytesPerSecond).toBeGreaterThan(0);
});

describe('what goes wrong ends with a code, or well, and never leaves a bad copy', () => {
  // every fault of the network: tests/unit/hub/hub-files.test.ts; here what the worker and its storage make of them
  test.each<[string, Partial<HubFault> & Pick<HubFault, 'fault'>, string]>([
    [
      'two broken connections',
      { fault: { kind: 'drop', afterBytes: 20_000 }, times: 2, on: 'cdn' },
      'no error',
    ],
    ['a wrong length', { fault: { kind: 'wrong-size', size: 100_000 }, on: 'hub' }, 'download-damaged'],
    ['a changed byte', { path: 'config.json', fault: { kind: 'flip', at: 5 } }, 'download-damaged'],
    ['a wait of an hour', { fault: { kind: 'status', status: 429, retryAfter: '3600' } }, 'no error'], // not readable across origins
  ])('%s', async (_, rule, expected) => {
    await commands.setHubFaults([{ path: 'model.safetensors', times: 3, ...rule }]);
    expect(await codeOf(load())).toBe(expected);
    expect((await client.listKept()).length).toBe(expected === 'no error' ? 1 : 0);
    if (expected === 'no error') return;
    await commands.setHubFaults([]);
    expect(await codeOf(load())).toBe('no error'); // and the next try is as if nothing had been
    expect((await client.listKept()).length).toBe(1);
  });

  test('cancelling ends a download that hangs, leaves the model before in use, and keeps nothing', async () => {
    await client.loadModel({ kind: 'demo' }, 'none', nothing);
    const before = await answers();
    await failing('model.safetensors', { kind: 'stall', afterBytes: 1_000 }, { on: 'cdn' });
    const loading = codeOf(load());
    await expect
      .poll(async () => (await commands.takeHubRequests()).some(({ server }) => server === 'cdn'))
      .toBe(true);
    await client.cancelLoading();
    expect(await loading).toBe('cancelled');
    expect(await client.listKept()).toEqual([]);
    expect(await answers()).toEqual(before);
  });

  test.each(['manifest.json', '6.bin'])('a copy whose %s was changed is fetched anew', async (file) => {
    await load();
    const answered = await answers();
    await spoil(file);
    expect((await load()).hub).toEqual({ isFromCache: false, notKept: null });
    expect(await answers()).toEqual(answered);
    expect((await load()).hub?.isFromCache).toBe(true);
  });
});

test('a copy in nf4 of a version that held embedding and head in nf4 too is fetched anew, and without a network it says so', async () => {
  await load(hub(), 'nf4');
  const answered = await answers();
  expect((await client.listKept()).map(({ isCurrent }) => isCurrent)).toEqual([true]);
  await makeOlder();
  expect((await client.listKept()).map(({ isCurrent }) => isCurrent)).toEqual([false]);
  await client.loadModel({ kind: 'demo' }, 'none', nothing);
  const nowhere = { hubUrl: 'http://localhost:9' };
  await expect(load(hub('tiny/open', nowhere), 'nf4')).rejects.toMatchObject({
    code: 'hub-unreachable',
    message: expect.stringMatching(
      /earlier version kept holds embedding and head in 4 bits.*reach the hub/,
    ) as string,
  });
  expect((await load(hub(), 'nf4')).hub).toEqual({ isFromCache: false, notKept: null });
  expect(await answers()).toEqual(answered);
  expect((await client.listKept()).map(({ isCurrent }) => isCurrent)).toEqual([true]); // in its place
  await commands.takeHubRequests();
  expect((await load(hub(), 'nf4')).hub?.isFromCache).toBe(true);
  expect(await commands.takeHubRequests()).toEqual([]);
  // the control: other formats hold what they always held
  await load(hub(), 'none');
  await makeOlder();
  expect((await load(hub(), 'none')).hub?.isFromCache).toBe(true);
});

/** All copies as an earlier version wrote them: their content does not say how the weights are held. */
async function makeOlder(): Promise<void> {
  const hashLength = 64;
  for (const folder of await modelFolders()) {
    const file = await folder.getFileHandle('manifest.json');
    const text = await (await file.getFile()).text();
    const { content, ...manifest } = JSON.parse(text.slice(hashLength)) as { content: { heldAs?: string } };
    const { heldAs, ...older } = content;
    if (heldAs === undefined) continue;
    const json = JSON.stringify({ ...manifest, content: older });
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(json)));
    const stream = await file.createWritable();
    await stream.write([...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('') + json);
    await stream.close();
  }
}

async function modelFolders(): Promise<FileSystemDirectoryHandle[]> {
  const root = await navigator.storage.getDirectory();
  const models = await root.getDirectoryHandle('models', { create: true });
  const folders: FileSystemDirectoryHandle[] = [];
  for await (const handle of models.values()) if (handle.kind === 'directory') folders.push(handle);
  return folders;
}

async function spoil(name: string): Promise<void> {
  const [folder] = await modelFolders();
  const file = await folder.getFileHandle(name);
  const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
  bytes[bytes.length >> 1] ^= 1;
  const stream = await file.createWritable();
  await stream.write(bytes);
  await stream.close();
}

/** Everything the origin keeps that a token could be in. */
async function storedTexts(): Promise<string[]> {
  const texts = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
  for (const folder of await modelFolders())
    for await (const handle of folder.values())
      texts.push(await (await (handle as FileSystemFileHandle).getFile()).text());
  expect(texts.length).toBeGreaterThan(10);
  return texts;
}

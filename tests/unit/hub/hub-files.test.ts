// The hub's client against a server that behaves like the hub, and misbehaves like a network.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import type { RetryPolicy } from '../../../src/hub/exchange.ts';
import { openHubFiles, type HubModel, type HubOptions } from '../../../src/hub/hub-files.ts';
import type { Transfer } from '../../../src/hub/transfer-meter.ts';
import {
  commitOf,
  startHubServer,
  type HubFault,
  type HubRepo,
  type HubServer,
} from '../../support/hub-server.ts';

const weights = Uint8Array.from({ length: 600_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
const repo: HubRepo = {
  id: 'tiny/open',
  revisions: ['v1.0', 'refs/pr/3'],
  files: {
    'config.json': new TextEncoder().encode('{"model_type":"qwen2"}'),
    'tokenizer.json': new TextEncoder().encode(JSON.stringify({ text: 'Käse 你好'.repeat(100) })),
    'model.safetensors': weights,
  },
};
const gated: HubRepo = { ...repo, id: 'tiny/gated', token: 'hf_secretSecretSecret' };
const quick: RetryPolicy = { attempts: 4, firstWaitMs: 5, longestWaitMs: 2_000, silenceMs: 250 };

let hub: HubServer;
beforeAll(async () => {
  hub = await startHubServer([repo, gated]);
});
afterAll(() => hub.close());
beforeEach(() => hub.clear());

const open = (model: Partial<HubModel> = {}, options: HubOptions = {}) =>
  openHubFiles({ type: 'model', id: repo.id, ...model }, { hubUrl: hub.url, policy: quick, ...options });
async function source(name: string, options: HubOptions = {}, model: Partial<HubModel> = {}) {
  const found = await (await open(model, options)).open(name);
  if (found === null) throw new Error(`no ${name}`);
  return found;
}
async function errorOf(action: Promise<unknown>): Promise<TrainerError> {
  const error: unknown = await action.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof TrainerError) return error;
  throw error;
}
/** toEqual compares large arrays number by number. */
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const failing = (path: string, fault: HubFault['fault'], rule: Partial<HubFault> = {}): void =>
  hub.setFaults([{ path, fault, ...rule }]);

describe('a model is a folder pinned to a commit', () => {
  test('a branch, a tag or a pull request becomes its commit, and files are read by that commit', async () => {
    for (const revision of [undefined, 'main', 'v1.0', 'refs/pr/3', commitOf(repo)]) {
      hub.clear();
      const files = await open({ revision });
      expect(files.commit).toBe(commitOf(repo));
      await files.open('model.safetensors');
      expect(hub.requests.at(-1)?.path).toBe(`/tiny/open/resolve/${commitOf(repo)}/model.safetensors`);
    }
  });

  test('any range of a file is what the file holds, also where the hub redirects to its CDN', async () => {
    const file = await source('model.safetensors');
    expect(file.size).toBe(weights.length);
    for (const [start, end] of [
      [0, 8],
      [8, 8],
      [12_345, 300_000],
      [599_999, 600_000],
      [0, 600_000],
    ])
      expect(isSame(await file.read(start, end), weights.subarray(start, end))).toBe(true);
    expect(hub.requests.filter(({ server }) => server === 'cdn').length).toBe(4); // an empty range asks nothing
    await expect(file.read(0, 600_001)).rejects.toThrow(RangeError);
  });

  test('a file the commit does not list is null, and nothing is asked', async () => {
    const files = await open();
    const before = hub.requests.length;
    expect(await files.open('model.safetensors.index.json')).toBeNull();
    expect(await files.open('../../other/model/resolve/main/config.json')).toBeNull();
    expect(hub.requests.length).toBe(before);
  });
});

describe('access', () => {
  test('a gated model is refused without its token, and with a wrong one', async () => {
    expect((await errorOf(open({ id: gated.id }))).code).toBe('hub-access');
    const wrong = await errorOf(open({ id: gated.id, token: 'hf_wrongwrong' }));
    expect(wrong.code).toBe('hub-access');
    expect(JSON.stringify({ ...wrong, message: wrong.message, stack: wrong.stack })).not.toContain(
      'wrongwrong',
    );
    expect((await errorOf(open({ id: gated.id, token: 'password' }))).code).toBe('hub-access');
  });

  test('the token goes to the hub and never to the host it redirects to', async () => {
    const file = await source('model.safetensors', {}, { id: gated.id, token: gated.token });
    expect(isSame(await file.read(5, 500), weights.subarray(5, 500))).toBe(true);
    const tokens = (server: string) =>
      hub.requests.filter((request) => request.server === server).map(({ authorization }) => authorization);
    expect(new Set(tokens('hub'))).toEqual(new Set([`Bearer ${gated.token}`]));
    expect(tokens('cdn')).toEqual([null]);
  });

  test.each([
    ['tiny/none', undefined, 'hub-access'], // the hub answers 401 for what it does not show
    ['tiny/open', 'v9', 'hub-not-found'],
    ['no-slash', undefined, 'hub-not-found'],
    ['a/b/c', undefined, 'hub-not-found'],
    ['../x', 'main', 'hub-access'],
  ])('%s at %s: %s', async (id, revision, code) => {
    expect((await errorOf(open({ id, revision }))).code).toBe(code);
  });
});

describe('what passes is mended', () => {
  const fine = async (options: HubOptions = {}) =>
    expect(
      isSame(
        await (await source('model.safetensors', options)).read(100, 500_000),
        weights.subarray(100, 500_000),
      ),
    ).toBe(true);

  test.each([429, 500, 502, 503, 504])('%s is asked again', async (status) => {
    failing('model.safetensors', { kind: 'status', status }, { times: 2 });
    await fine();
    failing('/api/', { kind: 'status', status }, { times: 2 });
    await fine();
  });

  test('Retry-After is waited for', async () => {
    failing('/api/', { kind: 'status', status: 429, retryAfter: '1' }, { times: 1 });
    const before = performance.now();
    await open();
    expect(performance.now() - before).toBeGreaterThan(950);
  });

  test('a connection that breaks in mid-file goes on where it stopped', async () => {
    failing('model.safetensors', { kind: 'drop', afterBytes: 200_000 }, { times: 2, on: 'cdn' });
    await fine();
    const starts = hub.requests
      .filter(({ server }) => server === 'cdn')
      .map(({ range }) => Number(/bytes=(\d+)-499999/.exec(range ?? '')?.[1]));
    expect(starts.length).toBe(3);
    expect(starts[0]).toBe(100);
    expect(starts[1]).toBeGreaterThan(starts[0]);
    expect(starts[2]).toBeGreaterThan(starts[1]);
  });

  test('a body that ends too early is completed, one that falls silent is asked for again', async () => {
    failing('model.safetensors', { kind: 'short', afterBytes: 1_000 }, { times: 1, on: 'cdn' });
    await fine();
    failing('model.safetensors', { kind: 'stall', afterBytes: 1_000 }, { times: 1, on: 'cdn' });
    await fine();
    failing('/api/', { kind: 'silent' }, { times: 1 });
    await fine();
  });
});

describe('what does not pass ends with its code', () => {
  const code = async (name = 'model.safetensors'): Promise<string> =>
    (await errorOf(source(name).then((file) => file.read(0, file.size)))).code;

  test.each<[string, Partial<HubFault> & Pick<HubFault, 'fault'>, string, string?]>([
    ['busy for ever', { fault: { kind: 'status', status: 429 } }, 'hub-busy'],
    ['a wait of an hour', { fault: { kind: 'status', status: 503, retryAfter: '3600' } }, 'hub-busy'],
    ['broken for ever', { fault: { kind: 'status', status: 500 } }, 'hub-unreachable'],
    ['always cut off', { fault: { kind: 'drop', afterBytes: 10 }, on: 'cdn' }, 'hub-unreachable'],
    ['always silent', { fault: { kind: 'silent' }, on: 'hub' }, 'hub-unreachable'],
    ['always stalling', { fault: { kind: 'stall', afterBytes: 99 }, on: 'cdn' }, 'hub-unreachable'],
    ['longer than asked', { fault: { kind: 'long', extraBytes: 9 }, on: 'cdn' }, 'download-damaged'],
    [
      'a smaller size announced',
      { fault: { kind: 'wrong-size', size: 599_000 }, times: 1 },
      'download-damaged',
    ],
    [
      'a larger size announced',
      { fault: { kind: 'wrong-size', size: 700_000 }, times: 1 },
      'download-damaged',
    ],
    ['one flipped byte', { fault: { kind: 'flip', at: 77 }, on: 'cdn' }, 'download-damaged'],
    ['one flipped byte', { fault: { kind: 'flip', at: 3 } }, 'download-damaged', 'config.json'],
    [
      'an ETag of other content',
      { fault: { kind: 'etag', etag: '0'.repeat(64) }, on: 'hub' },
      'download-damaged',
    ],
    ['gone from the CDN', { fault: { kind: 'status', status: 404 }, on: 'cdn' }, 'hub-not-found'],
    [
      'a page instead of JSON',
      { path: '/api/', fault: { kind: 'text', body: '<html>' } },
      'download-damaged',
    ],
    [
      'JSON of something else',
      { path: '/api/', fault: { kind: 'text', body: '{"id":1}' } },
      'download-damaged',
    ],
    ['listed and not there', { fault: { kind: 'status', status: 404 }, on: 'hub' }, 'hub-not-found'],
  ])('%s', async (_, rule, expected, name = 'model.safetensors') => {
    hub.setFaults([{ path: name, ...rule }]);
    expect(await code(name)).toBe(expected);
  });

  test('a file that changes between two ranges is noticed by its ETag', async () => {
    const file = await source('model.safetensors');
    await file.read(0, 100);
    failing('model.safetensors', { kind: 'etag', etag: 'another' }, { on: 'cdn' });
    expect((await errorOf(file.read(100, 200))).code).toBe('download-damaged');
  });

  test('a server without ranges serves a beginning, and is refused for anything else', async () => {
    const file = await source('model.safetensors');
    failing('model.safetensors', { kind: 'no-ranges' }, { on: 'cdn' });
    expect(isSame(await file.read(0, 1_000), weights.subarray(0, 1_000))).toBe(true);
    expect((await errorOf(file.read(1_000, 2_000))).code).toBe('download-damaged');
  });

  test('no server at all', async () => {
    const options = { hubUrl: 'http://127.0.0.1:9', policy: quick };
    expect((await errorOf(openHubFiles({ type: 'model', id: repo.id }, options))).code).toBe(
      'hub-unreachable',
    );
  });
});

describe('cancelling', () => {
  test('ends a download that hangs, and a wait between attempts, at once', async () => {
    const cancelAfter = async (ms: number): Promise<string> => {
      const controller = new AbortController();
      const patient = { ...quick, silenceMs: 60_000, firstWaitMs: 60_000, longestWaitMs: 90_000 };
      const reading = source('model.safetensors', { signal: controller.signal, policy: patient }).then(
        (file) => file.read(0, file.size),
      );
      setTimeout(() => controller.abort(), ms);
      const before = performance.now();
      const { code } = await errorOf(reading);
      expect(performance.now() - before).toBeLessThan(ms + 500);
      return code;
    };
    failing('model.safetensors', { kind: 'stall', afterBytes: 5_000 }, { on: 'cdn' });
    expect(await cancelAfter(100)).toBe('cancelled');
    failing('/api/', { kind: 'status', status: 503 });
    expect(await cancelAfter(100)).toBe('cancelled');
  });
});

test('progress is bytes of the file that grow to its size, with a rate', async () => {
  const seen: Transfer[] = [];
  const file = await source('model.safetensors', { onTransfer: (transfer) => seen.push(transfer) });
  await file.read(0, 300_000);
  await file.read(300_000, file.size);
  expect(seen.at(-1)).toMatchObject({
    file: 'model.safetensors',
    done: weights.length,
    total: weights.length,
  });
  expect(seen.at(-1)?.bytesPerSecond).toBeGreaterThan(0);
  expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).toSorted((a, b) => a - b));
});

test('a wait is told: why, how long, and that nothing is known of the end; then the bytes go on', async () => {
  const seen: Transfer[] = [];
  failing('model.safetensors', { kind: 'drop', afterBytes: 5_000 }, { on: 'cdn', times: 1 });
  const file = await source('model.safetensors', { onTransfer: (transfer) => seen.push(transfer) });
  await file.read(0, file.size);
  const told = seen.findIndex(({ file: text }) =>
    /^model\.safetensors: .*, asked again in \d+ s$/.test(text),
  );
  expect(told).toBeGreaterThanOrEqual(0);
  expect(seen[told]).toMatchObject({ bytesPerSecond: 0, secondsLeft: null });
  expect(seen.at(-1)).toMatchObject({ file: 'model.safetensors', done: weights.length });
});

test('a download from which nothing comes for three seconds says so, and promises no end', async () => {
  const seen: Transfer[] = [];
  failing('model.safetensors', { kind: 'stall', afterBytes: 5_000 }, { on: 'cdn', times: 1 });
  const policy = { ...quick, silenceMs: 4_000 };
  const file = await source('model.safetensors', { policy, onTransfer: (transfer) => seen.push(transfer) });
  await file.read(0, file.size);
  const stalled = seen.find(({ file: text }) => text.endsWith('nothing has arrived for 3 s'));
  expect(stalled).toMatchObject({ bytesPerSecond: 0, secondsLeft: null });
});

/** An upload to the hub's stand-in, with the library's own protocol: repository, announced files, Git LFS in parts, one commit. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PushTarget } from '../../../src/api/exports.ts';
import { pushFiles, type FileToPush } from '../../../src/hub/push.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { startHubServer, type HubServer } from '../../support/hub-server.ts';

const token = 'hf_mayWrite';
let hub: HubServer;
beforeAll(async () => {
  hub = await startHubServer([], [token]);
});
afterAll(() => hub.close());
beforeEach(() => hub.clear());

const bytes = (length: number, first: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + first) % 256);
/** Others each time: what is in its storage already, the hub does not ask for again. */
let seed = 0;
const fresh = (): Readonly<Record<string, Uint8Array>> => ({
  'README.md': new TextEncoder().encode('# An adapter\n'),
  'adapter_config.json': new TextEncoder().encode('{}'),
  'adapter_model.safetensors': bytes(10_000, ++seed), // three parts
  'gguf/adapter.gguf': bytes(100, ++seed), // one
});
const files = (contents = fresh()): FileToPush[] =>
  Object.entries(contents).map(([path, content]) => ({ path, content: new Blob([content as BlobPart]) }));
const target = (repo: string, rest: Partial<PushTarget> = {}): PushTarget => ({
  repo,
  token,
  isPrivate: true,
  addsToExisting: false,
  hubUrl: hub.url,
  ...rest,
});
const failure = async (action: Promise<unknown>): Promise<TrainerError> => {
  const error = await action.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof TrainerError) return error;
  throw new Error(`expected a coded error, got ${String(error)}`);
};

test('every byte arrives in a new private repository, in one commit, and progress only grows', async () => {
  const contents = fresh();
  const shares: number[] = [];
  const onProgress = (share: number): void => void shares.push(share);
  const pushed = await pushFiles(target('me/first'), files(contents), { onProgress });
  const repo = hub.uploaded.get('me/first');
  expect(repo?.visibility).toBe('private');
  expect(repo?.commits.map(({ oid }) => oid)).toEqual([pushed.commit]);
  expect(pushed).toMatchObject({ url: `${hub.url}/me/first`, isNew: true });
  expect(Object.fromEntries([...(repo?.files ?? [])].map(([path, got]) => [path, Buffer.from(got)]))).toEqual(
    Object.fromEntries(Object.entries(contents).map(([path, sent]) => [path, Buffer.from(sent)])),
  );
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBeGreaterThan(0.9);
});

test('the token goes to the hub and to no storage', async () => {
  await pushFiles(target('me/token'), files());
  for (const { server, authorization } of hub.requests)
    expect(authorization).toBe(server === 'hub' ? `Bearer ${token}` : null);
  expect(hub.requests.filter(({ server }) => server === 'cdn').length).toBeGreaterThan(0);
});

test('a repository that is there is not written to unless that is meant; then its other files stay', async () => {
  await pushFiles(target('me/twice', { isPrivate: false }), files());
  expect(hub.uploaded.get('me/twice')?.visibility).toBe('public');
  const refused = await failure(pushFiles(target('me/twice'), files()));
  expect(refused.code).toBe('hub-exists');
  expect(hub.uploaded.get('me/twice')?.commits).toHaveLength(1);
  const more = [{ path: 'mlx/adapters.safetensors', content: new Blob(['more']) }];
  const added = await pushFiles(target('me/twice', { addsToExisting: true }), more);
  expect(added.isNew).toBe(false);
  expect([...(hub.uploaded.get('me/twice')?.files.keys() ?? [])].sort()).toEqual(
    [...Object.keys(fresh()), 'mlx/adapters.safetensors'].sort(),
  );
});

test.each<[string, Partial<PushTarget>, string, RegExp]>([
  ['a token that may not write', { token: 'hf_mayRead' }, 'hub-access', /does not let this token write/],
  ['no token', { token: ' ' }, 'hub-access', /takes an access token/],
  ['something that is no token', { token: 'secret' }, 'hub-access', /begin with "hf_"/],
  ['a name without an owner', { repo: 'adapter' }, 'config-invalid', /owner\/name/],
  ['a path', { repo: '../../x' }, 'config-invalid', /owner\/name/],
  ['a hub that is not there', { hubUrl: 'http://127.0.0.1:9' }, 'hub-unreachable', /could not be reached/],
])('%s is refused by name, and the token is in no message', async (_, change, code, words) => {
  const error = await failure(pushFiles(target('me/none', change), files()));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(words);
  expect(`${error.message} ${error.detail ?? ''}`).not.toContain(token);
  expect(hub.uploaded.has('me/none')).toBe(false);
});

test.each([
  ['the storage fails', '/upload/', 'cdn', 500, 'hub-unreachable'],
  ['the commit fails', '/commit/', 'hub', 503, 'hub-busy'],
  ['the description is refused', '/preupload/', 'hub', 403, 'hub-access'],
] as const)(
  'where %s nothing is committed, and it can be sent again',
  async (what, path, on, status, code) => {
    const repo = `me/${what.replaceAll(' ', '-')}`;
    hub.setFaults([{ path, on, fault: { kind: 'status', status } }]);
    expect((await failure(pushFiles(target(repo), files()))).code).toBe(code);
    expect(hub.uploaded.get(repo)?.commits).toEqual([]);
    hub.clear();
    await pushFiles(target(repo, { addsToExisting: true }), files());
    expect(hub.uploaded.get(repo)?.files.size).toBe(4);
  },
);

test('it is cancelled while the storage is silent', async () => {
  const abort = new AbortController();
  hub.setFaults([{ path: '/upload/', on: 'cdn', fault: { kind: 'silent' } }]);
  const pushing = failure(
    pushFiles(target('me/cancelled'), files(), {
      signal: abort.signal,
      onProgress: (_, what) => what.startsWith('Sending') && setTimeout(() => abort.abort(), 20),
    }),
  );
  expect((await pushing).code).toBe('cancelled');
  expect(hub.uploaded.get('me/cancelled')?.commits).toEqual([]);
});

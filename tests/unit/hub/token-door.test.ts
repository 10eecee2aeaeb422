/** Where an access token goes, and where it does not. */
import { expect, test } from 'vitest';
import { openHubFiles } from '../../../src/hub/hub-files.ts';
import { hubAddress, withToken } from '../../../src/hub/token-door.ts';

const token = 'hf_plantedToken';
const commit = 'c0ffee'.padEnd(40, '0');

/** Notes what is asked with which Authorization, and answers like a hub whose list of files goes on somewhere else. */
function hubThatLinksAway(nextPage: string) {
  const asked: { url: string; authorization: string | null }[] = [];
  const answer = (async (input: RequestInfo | URL, init?: RequestInit) => {
    const url = input instanceof Request ? input.url : String(input);
    asked.push({ url, authorization: new Headers(init?.headers).get('Authorization') });
    if (url.includes('/revision/')) return Response.json({ _id: 'x', id: 'o/n', sha: commit });
    const headers =
      url.includes('/tree/') && asked.length < 3 ? { Link: `<${nextPage}>; rel="next"` } : undefined;
    return Response.json([{ type: 'file', oid: 'x', size: 1, path: 'a.jsonl' }], { headers });
  }) as typeof fetch;
  return { asked, answer };
}

test.each([
  'https://elsewhere.example/tree/',
  'http://hub.example/tree/', // the same name without https
  'https://hub.example:8443/tree/',
  'https://hub.example.elsewhere.example/tree/',
  'https://hub.example@elsewhere.example/tree/',
])('a list of files that goes on at %s is asked without the token', async (nextPage) => {
  const { asked, answer } = hubThatLinksAway(nextPage);
  const repo = { type: 'dataset', id: 'o/n', token } as const;
  await openHubFiles(repo, { hubUrl: 'https://hub.example', fetch: answer });
  expect(asked.map(({ authorization }) => authorization)).toEqual([
    `Bearer ${token}`,
    `Bearer ${token}`,
    null,
  ]);
  expect(asked[2].url.startsWith(nextPage.slice(0, 12))).toBe(true);
});

test.each([
  ['http://hub.example', true],
  ['http://192.168.0.7:8080', true],
  ['http://localhost.example', true],
  ['http://127.0.0.1.example', true],
  ['http://0.0.0.0:8080', true],
  ['https://hub.example', false],
  ['http://localhost:8080', false],
  ['http://127.0.0.1:8080', false],
  ['http://[::1]:8080', false],
])('a token for %s is refused: %s', async (hubUrl, isRefused) => {
  const asked: string[] = [];
  const open = openHubFiles(
    { type: 'model', id: 'o/n', token },
    {
      hubUrl,
      fetch: async (input: RequestInfo | URL) => {
        asked.push(input instanceof Request ? input.url : String(input));
        return new Response('{}', { status: 404 });
      },
    },
  );
  const code = isRefused ? 'hub-access' : 'hub-not-found';
  await expect(open).rejects.toThrow(expect.objectContaining({ code }));
  expect(asked.length > 0).toBe(!isRefused);
});

test('without a token a hub over plain http is asked', async () => {
  const { answer } = hubThatLinksAway('');
  const files = await openHubFiles(
    { type: 'dataset', id: 'o/n' },
    { hubUrl: 'http://hub.example', fetch: answer },
  );
  expect(files.commit).toBe(commit);
});

test('a header that somebody else has set does not go out either', async () => {
  const sent: (string | null)[] = [];
  const ask = withToken(
    async (_input: RequestInfo | URL, init?: RequestInit) => {
      sent.push(new Headers(init?.headers).get('Authorization'));
      return new Response();
    },
    'https://hub.example',
    token,
  );
  const headers = { Authorization: 'Bearer hf_another', Range: 'bytes=0-1' };
  await ask('https://cdn.example/a', { headers });
  await ask(new Request('https://cdn.example/a', { headers }));
  await ask('https://hub.example/a', { headers });
  expect(sent).toEqual([null, null, `Bearer ${token}`]);
});

test.each(['hub', 'ftp://hub.example', 'https://name:secret@hub.example', 'file:///etc/passwd'])(
  '%s is no address of a hub, and is not repeated in the message',
  (given) => {
    expect(() => hubAddress(given)).toThrow(expect.objectContaining({ code: 'hub-unreachable' }));
    expect(() => hubAddress(given)).not.toThrow(/secret/);
  },
);

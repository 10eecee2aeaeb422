/** Who is answered, with which headers, and what leads nowhere. */
import { execFileSync } from 'node:child_process';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { linkSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serve, type Served } from '../../../scripts/cli/serve.ts';
import { pathOf } from '../../../src/host/node/node-host.ts';
import { tempFolder, writeFiles } from '../../support/temp-folder.ts';

const folder = writeFiles(tempFolder(), {
  'dist/index.html': '<title>page</title>',
  'dist/assets/page-1a2b.js': 'export {};',
  'dist/assets/trainer.worker-1a2b.js': 'export {};',
  'model/page.html': '<script>alert(1)</script>',
  'model/weights.bin': '0123456789',
  'secret.txt': 'secret',
  'elsewhere/a.txt': 'secret',
  // As huggingface_hub lays its cache out.
  'hub/models--o--n/blobs/aa11': '{"from":"blobs"}',
  'hub/models--o--n/refs/main': 'c0ffee',
});
const at = (path: string): string => join(folder, path);
symlinkSync('weights.bin', at('model/link-inside.bin'));
symlinkSync(at('secret.txt'), at('model/link-out.txt'));
symlinkSync('../secret.txt', at('model/relative-link-out.txt'));
symlinkSync(at('elsewhere'), at('model/linked-folder'));
symlinkSync(at('nothing'), at('model/dangling'));
symlinkSync('.', at('model/itself'));
execFileSync('mkfifo', [at('model/pipe')]);
mkdirSync(at('hub/models--o--n/snapshots/c0ffee'), { recursive: true });
symlinkSync('../../blobs/aa11', at('hub/models--o--n/snapshots/c0ffee/config.json'));
symlinkSync('../../refs/main', at('hub/models--o--n/snapshots/c0ffee/not-a-blob'));
mkdirSync(at('false/snapshots/x'), { recursive: true });
symlinkSync(at('elsewhere'), at('false/blobs'));
symlinkSync('../../blobs/a.txt', at('false/snapshots/x/a.txt'));

const mounts = [
  { prefix: 'local/model', path: at('model') },
  { prefix: 'local/cached', path: at('hub/models--o--n/snapshots/c0ffee') },
  { prefix: 'local/false', path: at('false/snapshots/x') },
];
const ownHub = ['http://127.0.0.1:*'];
let served: Served;
beforeAll(async () => {
  served = await serve({
    root: at('dist'),
    mounts,
    inbox: { prefix: 'local/out', path: at('out'), names: ['a.bin', 'below/b.bin'] },
    hostNames: ['Train.Example'],
    connect: ownHub,
  });
});
afterAll(() => served.close());

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
/** fetch() tidies paths and forbids headers, so everything goes out exactly as written. */
function ask(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
  content = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: served.port, path, headers, method }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on('error', reject).end(content);
  });
}

describe('a request under another name than this machine’s own (DNS rebinding)', () => {
  test.each([
    'evil.example',
    'evil.example:4173',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    'localhost.',
    '0.0.0.0',
    '2130706433',
    '[::ffff:127.0.0.1]',
    '127.0.0.1:port',
  ])('%j reads no page and no mounted file, and writes nothing', async (host) => {
    for (const path of ['/', '/local/model/weights.bin']) {
      const { status, headers, body } = await ask(path, { Host: host });
      expect(status).toBe(421);
      expect(headers['content-type']).toContain('text/plain');
      expect(body).not.toContain('0123');
    }
    expect((await ask('/local/out/a.bin', { Host: host, Origin: `http://${host}` }, 'PUT', 'x')).status).toBe(
      421,
    );
  });

  test.each([
    'localhost',
    'LOCALHOST:8080',
    '127.0.0.1:1',
    '[::1]:4173',
    'train.example',
    'train.example:443',
  ])('%s is answered: a tunnel may end at another port', async (host) => {
    expect((await ask('/', { Host: host })).status).toBe(200);
  });

  test('a request for a whole address, as proxies get it, is refused', async () => {
    expect((await ask('http://evil.example/local/model/weights.bin')).status).toBe(400);
  });

  test('a request that names no host at all is refused', async () => {
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(served.port, '127.0.0.1', () =>
        socket.end('GET /local/model/weights.bin HTTP/1.0\r\n\r\n'),
      );
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 421/);
  });
});

describe('another page in the same browser', () => {
  test.each<Record<string, string>>([
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' }, // another port of this machine
    { Origin: 'http://localhost:9999' },
    { Origin: 'null' },
  ])('%j reads no mounted file and writes no result', async (headers) => {
    expect((await ask('/local/model/weights.bin', headers)).status).toBe(403);
    expect((await ask('/local/out/a.bin', headers, 'PUT', 'x')).status).toBe(403);
  });

  test('the page that is served here does both', async () => {
    const own = { 'Sec-Fetch-Site': 'same-origin', Origin: served.url };
    expect((await ask('/local/model/weights.bin', own)).body).toBe('0123456789');
    expect((await ask('/local/out/below/b.bin', own, 'PUT', 'x')).status).toBe(204);
    expect(readFileSync(at('out/below/b.bin'), 'utf8')).toBe('x');
  });
});

describe('what is mounted', () => {
  test.each([
    '/local/model/link-out.txt',
    '/local/model/relative-link-out.txt',
    '/local/model/linked-folder/a.txt',
    '/local/model/itself/../../secret.txt',
    '/local/model/itself/link-out.txt',
    '/local/model/dangling',
    '/local/model/pipe',
    '/local/model/itself',
    '/local/model/%2e%2e%2fsecret.txt',
    '/local/model/%252e%252e/secret.txt',
    '/local/model/%00',
    '/local/model//etc/passwd',
    '/local/cached/not-a-blob',
    '/local/false/a.txt',
    '/local/model',
  ])('%s leads nowhere, in the server and in Node', async (path) => {
    const { status, body } = await ask(path);
    expect(status).toBe(404);
    expect(body).not.toContain('secret\n');
    expect(pathOf(decodeURIComponent(path), at('dist'), mounts)).toBeNull();
  });

  test('a link to a file of the same folder is followed, and the hub’s cache to its blobs', async () => {
    expect((await ask('/local/model/link-inside.bin')).body).toBe('0123456789');
    expect((await ask('/local/model/itself/weights.bin')).body).toBe('0123456789');
    expect((await ask('/local/cached/config.json')).body).toBe('{"from":"blobs"}');
    expect(pathOf('local/cached/config.json', at('dist'), mounts)).toBe(at('hub/models--o--n/blobs/aa11'));
  });

  test('is an attachment of bytes, whatever its name says', async () => {
    const { headers } = await ask('/local/model/page.html');
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; .*; sandbox$/);
  });
});

const common = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
};
const policyFor = (script: string, types: string): string =>
  `default-src 'none'; script-src ${script}; worker-src 'self'; style-src 'self'; img-src 'self' data:; manifest-src 'self'; ` +
  `connect-src 'self' https://huggingface.co https://*.huggingface.co https://*.hf.co http://127.0.0.1:*; ` +
  `base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types ${types}; frame-ancestors 'none'`;

describe('the headers', () => {
  test.each([
    ['the page', '/', 200, {}, policyFor("'self'", 'default')],
    ['a script', '/assets/page-1a2b.js', 200, {}, policyFor("'self'", 'default')],
    [
      'a worker, which decompresses with WebAssembly',
      '/assets/trainer.worker-1a2b.js',
      200,
      {},
      policyFor("'self' 'wasm-unsafe-eval'", "'none'"),
    ],
    ['a mounted file', '/local/model/weights.bin', 200, {}, null],
    ['a part of one', '/local/model/weights.bin', 206, { Range: 'bytes=0-1' }, null],
    ['a part that is not there', '/local/model/weights.bin', 416, { Range: 'bytes=99-' }, null],
    ['a file that is not there', '/none.js', 404, {}, null],
    ['a folder', '/assets', 404, {}, null],
    ['an unknown name', '/', 421, { Host: 'evil.example' }, null],
    ['an address that cannot be read', '/%', 400, {}, null],
  ] as const)('of %s', async (_what, path, status, headers, policy) => {
    const answer = await ask(path, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject(common);
    expect(answer.headers['permissions-policy']).toContain('camera=()');
    expect(answer.headers['content-security-policy']).toBe(
      policy ?? "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    );
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('of a refused %s', async (method) => {
    const answer = await ask('/', {}, method);
    expect(answer.status).toBe(405);
    expect(answer.headers).toMatchObject(common);
  });
});

describe('an ETag', () => {
  test('saves sending a file again until it is another one', async () => {
    writeFileSync(at('dist/a.js'), 'one');
    const first = await ask('/a.js');
    const etag = String(first.headers.etag);
    expect(first.headers['cache-control']).toBe('no-cache');
    for (const held of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await ask('/a.js', { 'If-None-Match': held });
      expect([again.status, again.body, again.headers.etag]).toEqual([304, '', etag]);
      expect(again.headers).toMatchObject(common);
    }
    writeFileSync(at('dist/a.js'), 'two');
    utimesSync(at('dist/a.js'), 1, 1);
    expect(await ask('/a.js', { 'If-None-Match': etag })).toMatchObject({ status: 200, body: 'two' });
  });

  test('keeps a part of one file from being added to another', async () => {
    const etag = String((await ask('/local/model/weights.bin')).headers.etag);
    const part = { Range: 'bytes=2-3' };
    expect(await ask('/local/model/weights.bin', { ...part, 'If-Range': etag })).toMatchObject({
      status: 206,
      body: '23',
    });
    expect(await ask('/local/model/weights.bin', { ...part, 'If-Range': '"another"' })).toMatchObject({
      status: 200,
      body: '0123456789',
    });
  });
});

test('a hard link to a mounted file is that file: whoever made it could read it', async () => {
  linkSync(at('secret.txt'), at('model/hard-link.txt'));
  expect((await ask('/local/model/hard-link.txt')).body).toBe('secret');
});

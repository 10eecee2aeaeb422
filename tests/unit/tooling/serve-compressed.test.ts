import { mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chosenEncoding } from '../../../scripts/cli/compressed-files.ts';
import { serve, type Served } from '../../../scripts/cli/serve.ts';

const folder = mkdtempSync(join(tmpdir(), 'serve-'));
const script = `export const words = ${JSON.stringify('left out of nothing '.repeat(500))};\n`;
let served: Served;
beforeAll(async () => {
  writeFileSync(join(folder, 'a.js'), script);
  writeFileSync(join(folder, 'small.js'), 'export {};');
  writeFileSync(join(folder, 'weights.bin'), Buffer.alloc(5000));
  served = await serve({ root: folder, mounts: [{ prefix: 'local', path: folder }] });
});
afterAll(() => served.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** fetch() would decompress, and add an Accept-Encoding of its own. */
const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: served.port, path, headers, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    })
      .on('error', reject)
      .end();
  });

test('text of the page goes out compressed as the browser takes it, with a tag of its own', async () => {
  const plain = await ask('/a.js');
  const brotli = await ask('/a.js', { 'Accept-Encoding': 'gzip, deflate, br' });
  const gzipped = await ask('/a.js', { 'Accept-Encoding': 'gzip, deflate' });
  expect(plain.body.toString()).toBe(script);
  expect(brotliDecompressSync(brotli.body).toString()).toBe(script);
  expect(gunzipSync(gzipped.body).toString()).toBe(script);
  expect([plain, brotli, gzipped].map(({ headers }) => headers['content-encoding'])).toEqual([
    undefined,
    'br',
    'gzip',
  ]);
  expect(new Set([plain, brotli, gzipped].map(({ headers }) => headers['etag'])).size).toBe(3);
  for (const { headers, body } of [plain, brotli, gzipped]) {
    expect(headers['vary']).toBe('Accept-Encoding');
    expect(Number(headers['content-length'])).toBe(body.length);
    expect(headers['content-type']).toContain('text/javascript');
    expect(headers['content-security-policy']).toBeTruthy();
  }
});

test('who has it is told so, in the encoding it has, until the file is another', async () => {
  const br = { 'Accept-Encoding': 'br' };
  const first = await ask('/a.js', br);
  const tag = String(first.headers['etag']);
  expect((await ask('/a.js', { ...br, 'If-None-Match': tag })).status).toBe(304);
  expect((await ask('/a.js', { 'If-None-Match': tag })).status).toBe(200);
  writeFileSync(join(folder, 'a.js'), `${script}// changed`);
  const changed = await ask('/a.js', { ...br, 'If-None-Match': tag });
  expect(changed.status).toBe(200);
  expect(brotliDecompressSync(changed.body).toString()).toBe(`${script}// changed`);
  writeFileSync(join(folder, 'a.js'), script);
});

test('parts, small files, bytes that are no text and mounted files go out as they are; HEAD has the headers alone', async () => {
  const br = { 'Accept-Encoding': 'br, gzip' };
  const part = await ask('/a.js', { ...br, Range: 'bytes=0-9' });
  expect([part.status, part.body.toString()]).toEqual([206, script.slice(0, 10)]);
  for (const path of ['/small.js', '/weights.bin', '/local/a.js'])
    expect((await ask(path, br)).headers['content-encoding']).toBe(undefined);
  const head = await ask('/a.js', br, 'HEAD');
  const whole = await ask('/a.js', br);
  expect(head.body.length).toBe(0);
  expect(head.headers['content-length']).toBe(String(whole.body.length));
});

test.each([
  [undefined, null],
  ['', null],
  ['identity', null],
  ['gzip', 'gzip'],
  ['gzip, deflate, br, zstd', 'br'],
  ['br;q=0, gzip', 'gzip'],
  ['br;q=0.5, gzip;q=0.9', 'gzip'],
  ['*', 'br'],
  ['br;q=0, *;q=0', null],
  ['GZIP;Q=1.0', 'gzip'],
  ['gzip;q=x', null],
])('Accept-Encoding %j gets %j', (header, encoding) => expect(chosenEncoding(header)).toBe(encoding));

import { request } from 'node:http';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRange } from '../../../scripts/cli/send-file.ts';
import { serve, type Served } from '../../../scripts/cli/serve.ts';
import { tempFolder, writeFiles } from '../../support/temp-folder.ts';

const folder = writeFiles(tempFolder(), {
  'dist/index.html': '<title>page</title>',
  'dist/assets/a.js': 'export {};',
  'model/weights.bin': '0123456789',
  'model/empty.bin': '',
  'data.jsonl': '{"a":1}\n',
  'secret.txt': 'secret',
});
mkdirSync(join(folder, 'out'));
symlinkSync(join(folder, 'secret.txt'), join(folder, 'dist/link.txt'));

let served: Served;
beforeAll(async () => {
  served = await serve({
    root: join(folder, 'dist'),
    mounts: [
      { prefix: 'local/model', path: join(folder, 'model') },
      { prefix: 'local/dataset', path: join(folder, 'data.jsonl') },
    ],
    inbox: { prefix: 'local/out', path: join(folder, 'out'), names: ['a.bin', 'checkpoint/c.bin'] },
  });
});
afterAll(() => served.close());

/** fetch() tidies "..", so the path goes out exactly as written. */
function rawStatus(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: served.port, path }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('what is served', () => {
  test('the page, its files and the mounted ones, with their types', async () => {
    const page = await fetch(`${served.url}/?headless`);
    expect(await page.text()).toBe('<title>page</title>');
    expect(page.headers.get('content-type')).toContain('text/html');
    const script = await fetch(`${served.url}/assets/a.js`);
    expect(script.headers.get('content-type')).toContain('text/javascript');
    expect(await (await fetch(`${served.url}/local/model/weights.bin`)).text()).toBe('0123456789');
    expect(await (await fetch(`${served.url}/local/dataset`)).text()).toBe('{"a":1}\n');
    expect((await fetch(`${served.url}/local/model/empty.bin`)).status).toBe(200);
  });

  test.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '/local/model/../secret.txt',
    '/local/model/%2e%2e/secret.txt',
    '/local/model/..%5csecret.txt',
    '/local/dataset/../secret.txt',
    '/local/models/weights.bin',
    '/link.txt',
    '/assets',
    '/missing.js',
  ])('%s is not found', async (path) => {
    expect(await rawStatus(path)).toBe(404);
  });

  test('part of a file', async () => {
    const response = await fetch(`${served.url}/local/model/weights.bin`, {
      headers: { Range: 'bytes=2-4' },
    });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe('bytes 2-4/10');
    expect(await response.text()).toBe('234');
    const beyond = await fetch(`${served.url}/local/model/weights.bin`, { headers: { Range: 'bytes=10-' } });
    expect(beyond.status).toBe(416);
  });

  test.each([
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=5-', { start: 5, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=3-99', { start: 3, end: 9 }],
    ['bytes=4-2', 'unsatisfiable'],
    ['bytes=10-11', 'unsatisfiable'],
    ['bytes=-', null],
    ['bytes=0-1,3-4', null],
    [undefined, null],
  ])('the range %s of ten bytes', (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });

  test('a taken port gives way to a free one', async () => {
    const second = await serve({ root: join(folder, 'dist'), port: served.port });
    expect(second.port).not.toBe(served.port);
    await second.close();
  });
});

describe('what is taken', () => {
  test('results with an expected name are written, also into a folder', async () => {
    const response = await fetch(`${served.url}/local/out/checkpoint/c.bin`, { method: 'PUT', body: 'abc' });
    expect(response.status).toBe(204);
    expect(readFileSync(join(folder, 'out/checkpoint/c.bin'), 'utf8')).toBe('abc');
  });

  test.each(['other.bin', '../secret.txt', '%2e%2e/secret.txt'])('%s is refused', async (name) => {
    const response = await fetch(`${served.url}/local/out/${name}`, { method: 'PUT', body: 'abc' });
    expect([403, 405]).toContain(response.status);
    expect(readFileSync(join(folder, 'secret.txt'), 'utf8')).toBe('secret');
  });

  test('a page from elsewhere may not write', async () => {
    writeFileSync(join(folder, 'out/a.bin'), 'mine');
    const headers = { Origin: 'http://elsewhere.example' };
    const response = await fetch(`${served.url}/local/out/a.bin`, { method: 'PUT', body: 'abc', headers });
    expect(response.status).toBe(403);
    expect(readFileSync(join(folder, 'out/a.bin'), 'utf8')).toBe('mine');
  });

  test('the model stays read-only', async () => {
    const response = await fetch(`${served.url}/local/model/weights.bin`, { method: 'PUT', body: 'abc' });
    expect(response.status).toBe(405);
  });
});

/** The benchmark as a process: its last line, its refusals. */
import { expect, test } from 'vitest';
import { hasNodeDriver as hasDriver } from '../support/node-driver.ts';
import { lastJson, run } from './support.ts';

const hosts = [
  ['browser', /^Chromium \d+/],
  ...(hasDriver ? [['node', /^Node \d+.*, Dawn$/] as const] : []),
] as const;

test.each(hosts)(
  'a kernel is checked and timed beside the roof in the %s host, and the last line is the report',
  async (host, browser) => {
    const args = [
      'kernels',
      '--host',
      host,
      '--only',
      'rmsNorm forward',
      '--rounds',
      '2',
      '--sample-ms',
      '20',
      '--json',
    ];
    const finished = await run('bench', args);
    expect(finished.exitCode, finished.stderr).toBe(0);
    const report = lastJson(finished);
    expect(report).toMatchObject({
      suite: 'kernels',
      device: { gpu: expect.any(String) },
      browser: expect.stringMatching(browser),
      settings: { only: ['rmsNorm', 'forward'], rounds: 2, sampleMs: 20 },
      leftOut: [],
    });
    const { gflops, gbps } = report['roof'] as { gflops: number; gbps: number };
    expect(gflops).toBeGreaterThan(0.1);
    expect(gbps).toBeGreaterThan(0.1);
    const results = report['results'] as Record<string, unknown>[];
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({
      name: 'rmsNorm forward',
      shape: '512x1536',
      gflops: null,
      failure: null,
      versus: { tfjs: null, jaxjs: null, ort: null },
    });
    for (const figure of ['medianMs', 'spread', 'gbps', 'ofRoof'])
      expect(results[0][figure], figure).toEqual(expect.any(Number));
    const { relativeError } = results[0]['figures'] as { relativeError: number };
    expect(relativeError).toBeLessThan(1e-4);
    expect(finished.stdout).toContain('GFLOP/s in registers');
  },
);

test('an unknown suite is refused with a code before a browser starts', async () => {
  const finished = await run('bench', ['speed', '--json']);
  expect(finished.exitCode).toBe(2);
  expect(lastJson(finished)).toMatchObject({ ok: false, code: 'config-invalid', detail: null });
});

test('a suite that needs a browser is not run in Node', async () => {
  const finished = await run('bench', ['peers', '--host', 'node', '--json']);
  expect(finished.exitCode).toBe(2);
  expect(lastJson(finished)).toMatchObject({ ok: false, code: 'config-invalid' });
});

/** Every kernel that the engine would make for Firefox's adapter, in software or as a card, compiled by Firefox (Naga, not Tint). */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { compileReport } from '../../src/device/compile-report.ts';
import { kernel } from '../../src/device/kernel.ts';
import { adapterKinds, kernelsFor, type AdapterKindName } from '../support/every-kernel.ts';
import { openFirefoxPage, type FirefoxPage } from './open-page.ts';

interface Text {
  readonly key: string;
  readonly source: string;
}

let firefox: FirefoxPage;
let features: readonly string[];
beforeAll(async () => {
  firefox = await openFirefoxPage(join(projectRoot, 'public'), '/models/demo/config.json');
  features = await firefox.page.evaluate(async () => [
    ...((await navigator.gpu.requestAdapter())?.features ?? []),
  ]);
});
afterAll(() => firefox.close());

/** What the compiler, or the making of a pipeline, says against the texts; '' where it says nothing. */
async function refusals(texts: readonly Text[]): Promise<string> {
  const said = await firefox.page.evaluate(
    async (wanted) => {
      const adapter = await navigator.gpu.requestAdapter();
      if (adapter === null) throw new Error('no adapter');
      const requiredFeatures = (['shader-f16'] as const).filter((name) => adapter.features.has(name));
      const device = await adapter.requestDevice({ requiredFeatures });
      const found = [];
      for (const { key, source } of wanted) {
        device.pushErrorScope('validation');
        const module = device.createShaderModule({ code: source });
        const { messages } = await module.getCompilationInfo();
        const plain = messages.map(({ type, message, lineNum, linePos }) => ({
          type,
          message,
          lineNum,
          linePos,
        }));
        const refusal = await device.popErrorScope();
        if (refusal !== null) plain.push({ type: 'error', message: refusal.message, lineNum: 0, linePos: 0 });
        if (refusal === null)
          await device
            .createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } })
            .catch((error: unknown) => {
              plain.push({ type: 'error', message: String(error), lineNum: 0, linePos: 0 });
            });
        found.push({ key, messages: plain });
      }
      device.destroy();
      return found;
    },
    texts.map(({ key, source }) => ({ key, source })),
  );
  expect(said).toHaveLength(texts.length);
  const sources = new Map(texts.map(({ key, source }) => [key, source]));
  return said
    .map(({ key, messages }) => compileReport({ key, source: sources.get(key) ?? '' }, messages))
    .filter((report) => report !== '')
    .join('\n\n');
}

test('every text for an adapter with the features of Firefox’s compiles there', async () => {
  const names = Object.keys(adapterKinds) as AdapterKindName[];
  const fitting = names.filter((name) =>
    adapterKinds[name].features.every((feature) => features.includes(feature)),
  );
  expect(fitting).toEqual(expect.arrayContaining(['software, no features', 'card, no features']));
  const texts = new Map(fitting.flatMap((name) => [...kernelsFor(name)]));
  const leftOut = names.filter((name) => !fitting.includes(name));
  console.log(
    `${texts.size} kernels for ${fitting.join('; ')}. Left out, for the adapter lacks the features: ${leftOut.join('; ') || 'nothing'}`,
  );
  expect(texts.size).toBeGreaterThan(150);
  expect(await refusals([...texts.values()])).toBe('');
});

test('a text that is wrong is refused with its line', async () => {
  const broken = kernel('broken in firefox', () => ({
    bindings: { y: ['array<f32>', 'read_write'] },
    uniforms: { n: 'u32' },
    body: '  y[threadIndex] = nowhere;',
  }));
  const lineNum = broken.source.split('\n').findIndex((line) => line.includes('nowhere')) + 1;
  expect(await refusals([broken])).toMatch(new RegExp(`^broken in firefox, line ${lineNum}, .*nowhere`));
});

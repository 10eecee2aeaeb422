// The library as other pages use it: the documented examples run, on the page's thread and with the worker.
import * as tf from '@tensorflow/tfjs';
import { browserHost, createTrainer, exportAdapter, requireRunConfig, type ExportedFile } from 'alttrain-web';
import { expect, test } from 'vitest';
import { trainInPage } from '../../examples/train-in-a-page.ts';
import { trainInWorker } from '../../examples/train-in-a-worker.ts';

const appBaseUrl = `${location.origin}/`;
const rows = new File(
  [1, 2, 3, 4, 5, 6].map(
    (n) => JSON.stringify({ prompt: `What is ${n} plus ${n}?`, completion: `${2 * n}.` }) + '\n',
  ),
  'sums.jsonl',
);
const weightsOf = (files: readonly ExportedFile[]): Uint8Array => {
  const file = files.find(({ name }) => name === 'adapter_model.safetensors');
  if (file === undefined) throw new Error('no weights in the export');
  return file.bytes;
};

test('both examples give a PEFT adapter, and the same one', async () => {
  const inPage = await trainInPage(appBaseUrl, rows);
  const inWorker = await trainInWorker(rows);
  expect(inPage.map(({ name }) => name)).toEqual(inWorker.map(({ name }) => name));
  expect(inPage.map(({ name }) => name)).toContain('adapter_config.json');
  expect(weightsOf(inPage)).toEqual(weightsOf(inWorker));
  expect(weightsOf(inPage).some((byte) => byte !== 0)).toBe(true);
});

test('a page that embeds the trainer keeps its own tfjs: backend, flags and results', async () => {
  await tf.setBackend('cpu');
  tf.env().set('WEBGPU_CPU_FORWARD', true);
  const backends = (): string[] => Object.keys(tf.engine().registryFactory).sort();
  const before = { tensors: tf.memory().numTensors, backends: backends() };
  const engine = await createTrainer(browserHost(appBaseUrl)).openEngine();
  expect(tf.getBackend()).toBe('cpu');
  expect(tf.env().getBool('WEBGPU_CPU_FORWARD')).toBe(true);
  const model = await engine.loadModel({ kind: 'demo' });
  expect(tf.memory().numTensors).toBeGreaterThan(before.tensors); // ours are counted there
  const square = tf.tidy(() => tf.tensor1d([1, 2, 3]).square().dataSync());
  expect([...square]).toEqual([1, 4, 9]);
  model.dispose();
  expect(engine.gpu.memory.bytes).toBe(0);
  engine.dispose();
  expect({ tensors: tf.memory().numTensors, backends: backends() }).toEqual(before);
  expect(tf.getBackend()).toBe('cpu');
});

test('a run leaves for other tools, its merged model in chunks', async () => {
  const engine = await createTrainer(browserHost(appBaseUrl)).openEngine();
  const model = await engine.loadModel({ kind: 'demo' });
  const config = requireRunConfig({ max_length: 256, max_steps: 1, sample_steps: 0, suite_prompts: 0 });
  const dataset = await model.readDataset({ kind: 'file', name: rows.name, file: rows }, config);
  const run = await model.createRun(dataset, { config });
  await run.train(() => undefined);
  const exported = await exportAdapter(await run.files(), {
    formats: ['gguf', 'merged'],
    dtype: 'f16',
    model,
  });
  const names = exported.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['gguf/adapter.gguf', 'merged/model.safetensors']));
  for (const file of exported) {
    let bytes = 0;
    for await (const chunk of file.chunks()) bytes += chunk.length;
    expect(bytes, file.name).toBe(file.size);
  }
  engine.dispose();
});

test('an engine that is disposed takes its models and runs along', async () => {
  const engine = await createTrainer(browserHost(appBaseUrl)).openEngine();
  const first = await engine.loadModel({ kind: 'demo' });
  await engine.loadModel({ kind: 'demo' }, 'nf4'); // two models on one device
  expect(first.report.quantization).toBe('none');
  engine.dispose();
  expect(engine.gpu.memory.bytes).toBe(0);
});

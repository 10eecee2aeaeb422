// The choice of the next token on the GPU, against plain JavaScript and against the softmax it draws from.
import { beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
import { topPReference } from '../../src/kernels/reference/top-p.ts';
import { sampleTokens } from '../../src/kernels/sample.ts';
import { createRng } from '../../src/support/rng.ts';
import { assertHealthyAfterEach, openTestDevice } from './open.ts';
import { kernelRunner, type KernelRunner } from './run-kernel.ts';

let gpu: Gpu;
let random: KernelRunner['random'];
beforeAll(async () => {
  gpu = await openTestDevice();
  ({ random } = kernelRunner(gpu, createRng(5)));
});
assertHealthyAfterEach(() => gpu);
const greedy = { temperature: 0, topP: 1, seed: 0 };

test.each([
  [8, 1, 1],
  [8, 3, 301],
  [64, 5, 4099],
] as const)('greedy choice, %i threads a row, %i rows of %i', async (rowThreads, rows, vocab) => {
  const { memory, recorder } = gpu;
  const stride = Math.ceil(vocab / 4) * 4;
  const logits = random(rows * stride, 20);
  const expected = Array.from({ length: rows }, (_, row) => {
    const own = logits.subarray(row * stride, row * stride + vocab);
    return own.indexOf(Math.max(...own));
  });
  const [l, next, out] = [
    memory.from('logits', [rows, stride], logits),
    memory.alloc('next', [rows], 'u32'),
    memory.alloc('out', [rows], 'u32'),
  ];
  sampleTokens(recorder, l, next, out, { rows, vocab, stride, outStride: 1, step: 0, rowThreads }, greedy);
  recorder.submit();
  expect([...(await memory.readUint32(next))]).toEqual(expected);
  recorder.forgetBindGroups();
  memory.dispose([l, next, out]);
});

test.each([8, 64] as const)(
  'sampling with %i threads a row: greedy takes the first of equals, temperature follows the softmax',
  async (rowThreads) => {
    const { memory, recorder } = gpu;
    const [rows, vocab, stride] = [2000, 5, 8];
    const logits = new Float32Array(rows * stride).fill(1e9); // pads must not win
    for (let i = 0; i < rows; i++) logits.set([0, 2, 1, 2, -5], i * stride);
    const [l, next, out] = [
      memory.from('logits', [rows, stride], logits),
      memory.alloc('next', [rows], 'u32'),
      memory.alloc('out', [rows, 3], 'u32'),
    ];
    const size = { rows, vocab, stride, outStride: 3, step: 1, rowThreads };
    sampleTokens(recorder, l, next, out, size, greedy);
    recorder.submit();
    expect((await memory.readUint32(next)).every((id) => id === 1)).toBe(true);
    const temperature = 1.5;
    sampleTokens(recorder, l, next, out, size, { temperature, topP: 1, seed: 7 });
    recorder.submit();
    const drawn = await memory.readUint32(next);
    expect([...(await memory.readUint32(out))].filter((_, i) => i % 3 === 1)).toEqual([...drawn]);
    const weights = [0, 2, 1, 2, -5].map((score) => Math.exp(score / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, id) => {
      const share = [...drawn].filter((token) => token === id).length / rows;
      expect(Math.abs(share - weight / total)).toBeLessThan(0.045); // four standard deviations of 2,000 draws
    });
    recorder.forgetBindGroups();
    memory.dispose([l, next, out]);
  },
);

test.each([
  [8, 7, 1, 0.5],
  [64, 7, 1, 0.9],
  [8, 301, 0.6, 0.95],
  [64, 301, 1.5, 0.3],
  [64, 1030, 0.25, 0.8],
  [8, 5, 2, 1e-9], // 1 − p is 1 in float32: the likeliest is kept even so
] as const)(
  'top-p with %i threads a row, %i tokens, temperature %f, p %f: what is kept is drawn, by its probability, and nothing else',
  async (rowThreads, vocab, temperature, topP) => {
    const { memory, recorder } = gpu;
    const draws = 4000;
    const stride = Math.ceil(vocab / 4) * 4 + 4;
    const own = random(vocab, 4);
    own[vocab - 1] = -Infinity; // e.g. forbidden
    const logits = new Float32Array(draws * stride).fill(1e9); // pads must not win, nor count
    for (let row = 0; row < draws; row++) logits.set(own, row * stride);
    const [l, next, out] = [
      memory.from('logits', [draws, stride], logits),
      memory.alloc('next', [draws], 'u32'),
      memory.alloc('out', [draws], 'u32'),
    ];
    const size = { rows: draws, vocab, stride, outStride: 1, step: 0, rowThreads };
    sampleTokens(recorder, l, next, out, size, { temperature, topP, seed: 11 });
    recorder.submit();
    const drawn = await memory.readUint32(next);
    const kept = topPReference(own, temperature, topP);
    const weights = Array.from(own, (logit, id) => (kept[id] ? Math.exp(logit / temperature) : 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const counts = new Array<number>(vocab).fill(0);
    for (const id of drawn) counts[id]++;
    for (let id = 0; id < vocab; id++) {
      const share = weights[id] / total;
      if (!kept[id]) expect(counts[id]).toBe(0);
      else expect(Math.abs(counts[id] / draws - share)).toBeLessThan(4.5 * Math.sqrt(share / draws) + 1e-9);
    }
    expect(kept.filter(Boolean).length).toBeLessThan(vocab); // the control: something was left out
    // The border itself: the least likely of those kept is drawn, where it can be expected at all.
    const least = Math.min(...weights.filter((weight) => weight > 0)) / total;
    if (least * draws > 12) expect(counts.every((count, id) => !kept[id] || count > 0)).toBe(true);
    recorder.forgetBindGroups();
    memory.dispose([l, next, out]);
  },
);

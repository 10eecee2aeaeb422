// The choice of the next token on the GPU, against plain JavaScript and against the softmax it draws from.
import { beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
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
  sampleTokens(recorder, l, next, out, { rows, vocab, stride, outStride: 1, step: 0, rowThreads }, 0, 0);
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
    sampleTokens(recorder, l, next, out, size, 0, 0);
    recorder.submit();
    expect((await memory.readUint32(next)).every((id) => id === 1)).toBe(true);
    const temperature = 1.5;
    sampleTokens(recorder, l, next, out, size, temperature, 7);
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

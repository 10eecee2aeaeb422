// Which weights are on the GPU: the sums against plain loops, and that a changed word is seen.
import { beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
import { addFingerprint, fingerprintSums } from '../../src/kernels/fingerprint.ts';
import { fingerprintReference } from '../../src/kernels/reference/fingerprint.ts';
import { assertHealthyAfterEach, openTestDevice } from './open.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestDevice();
});
assertHealthyAfterEach(() => gpu);

/** Of parts that follow each other. */
async function onGpu(parts: readonly Uint32Array[], seed: number): Promise<readonly [number, number]> {
  const { memory, recorder } = gpu;
  const sums = memory.alloc('sums', [fingerprintSums], 'u32');
  const tensors = parts.map((words, i) => memory.from(`part ${i}`, [words.length], words));
  let firstWord = 0;
  for (const tensor of tensors) {
    addFingerprint(recorder, tensor, sums, { seed, firstWord });
    firstWord += tensor.shape[0];
  }
  recorder.submit();
  const read = await memory.readUint32(sums);
  recorder.forgetBindGroups();
  memory.dispose([sums, ...tensors]);
  const sumOf = (first: number): number =>
    read.filter((_, i) => i % 2 === first).reduce((sum, word) => (sum + word) >>> 0, 0);
  return [sumOf(0), sumOf(1)];
}
const words = (count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => (i % 7 === 3 ? 0 : Math.imul(i + 1, 0x9e3779b1) >>> 0));

test.each([1, 3, 64, 4097, 300_001])('%i words have the sums of the plain loops', async (count) => {
  const data = words(count);
  expect(await onGpu([data], 5)).toEqual(fingerprintReference(data, { seed: 5, firstWord: 0 }));
});

test('a split changes nothing; one bit, two words exchanged or another seed do', async () => {
  const data = words(5000);
  const whole = await onGpu([data], 1);
  expect(await onGpu([data.slice(0, 1203), data.slice(1203)], 1)).toEqual(whole);
  const bit = data.slice();
  bit[4000] ^= 1;
  const exchanged = data.slice();
  [exchanged[10], exchanged[11]] = [data[11], data[10]];
  expect(await onGpu([bit], 1)).not.toEqual(whole);
  expect(await onGpu([exchanged], 1)).not.toEqual(whole);
  expect(await onGpu([data], 2)).not.toEqual(whole);
});

/** Large tensors on their way to a GPU and back. */
import { beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
import { assertHealthyAfterEach, openTestDevice } from './open.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestDevice();
});
assertHealthyAfterEach(() => gpu);

test('more than a piece is written and read in pieces, from where it is asked, and nothing beside it changes', async () => {
  const piece = 2 ** 22;
  const values = Float32Array.from({ length: 2 * piece + 3 }, (_, i) => i % 1_000_003);
  const tensor = gpu.memory.alloc('large', [values.length]);
  await gpu.memory.writeInPieces(tensor, values);
  const all = await gpu.memory.readFloat32(tensor);
  expect(all.length).toBe(values.length);
  expect(all.every((value, i) => value === values[i])).toBe(true);
  const part = await gpu.memory.readFloat32(tensor, 5, piece + 2);
  expect(part.every((value, i) => value === values[5 + i])).toBe(true);
  expect([...(await gpu.memory.readFloat32(tensor, 2 * piece, 3))]).toEqual([...values.subarray(2 * piece)]);
  gpu.memory.dispose([tensor]);
});

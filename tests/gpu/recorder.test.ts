/** The recorder's preparation: kernels are compiled, nothing is run. */
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
import { linear } from '../../src/kernels/matmul.ts';
import { swiglu } from '../../src/kernels/swiglu.ts';
import { assertHealthyAfterEach, openTestDevice } from './open.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestDevice();
});
assertHealthyAfterEach(() => gpu);
afterEach(() => vi.restoreAllMocks());

test('what was prepared has not run, and runs without compiling anything more', async () => {
  const { memory, recorder, device } = gpu;
  const size = { m: 5, n: 8, k: 4 };
  const x = memory.from('x', [5, 4], new Float32Array(20).fill(1));
  const w = memory.from('w', [8, 4], new Float32Array(32).fill(0.5));
  const y = memory.from('y', [5, 8], new Float32Array(40).fill(7));
  const h = memory.alloc('h', [5, 4]);
  const record = (): void => {
    linear(recorder, x, w, y, size);
    swiglu(recorder, y, h, { m: 5, f: 4 });
    recorder.copy(x, 0, y, 0, 4);
    recorder.clear(w);
    recorder.submit();
  };
  await recorder.prepare(record);
  expect(await memory.readFloat32(y)).toEqual(new Float32Array(40).fill(7));
  expect(await memory.readFloat32(w)).toEqual(new Float32Array(32).fill(0.5));

  const compile = vi.spyOn(device, 'createComputePipeline');
  const compileAhead = vi.spyOn(device, 'createComputePipelineAsync');
  record();
  await recorder.prepare(record);
  expect(compile).not.toHaveBeenCalled();
  expect(compileAhead).not.toHaveBeenCalled();
  expect([...(await memory.readFloat32(y))]).toEqual([1, 1, 1, 1, ...Array<number>(36).fill(2)]);
  expect([...(await memory.readFloat32(w))]).toEqual(Array<number>(32).fill(0));
  recorder.forgetBindGroups();
  memory.dispose([x, w, y, h]);
});

test('a preparation that throws leaves the recorder as it was', async () => {
  const { memory, recorder } = gpu;
  const x = memory.from('x', [4], new Float32Array(4).fill(1));
  await expect(
    recorder.prepare(() => {
      throw new RangeError('too many rows');
    }),
  ).rejects.toThrow('too many rows');
  recorder.clear(x);
  recorder.submit();
  expect([...(await memory.readFloat32(x))]).toEqual([0, 0, 0, 0]);
  memory.dispose([x]);
});

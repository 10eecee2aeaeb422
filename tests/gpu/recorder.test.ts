/** The recorder's preparation: kernels are compiled, nothing is run. */
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
import { linear } from '../../src/kernels/matmul.ts';
import { swiglu } from '../../src/kernels/swiglu.ts';
import { createRng } from '../../src/support/rng.ts';
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

test('long work is done in larger tiles where they take long to compile, and no bit changes', async () => {
  const { memory, recorder } = gpu;
  const size = { m: 70, n: 72, k: 36 };
  const rng = createRng(3);
  const random = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => rng.next() - 0.5);
  const x = memory.from('x', [70, 36], random(70 * 36));
  const w = memory.from('w', [72, 36], random(72 * 36));
  const y = memory.alloc('y', [70, 72]);
  const product = async (): Promise<Float32Array> => {
    linear(recorder, x, w, y, size);
    recorder.submit();
    return memory.readFloat32(y);
  };
  const chosen = recorder.matmul;
  const small = await product();
  recorder.expectWork(recorder.flopsPerSecond); // a second
  expect(recorder.matmul).toEqual(chosen);
  recorder.expectWork(1000 * recorder.flopsPerSecond);
  try {
    const isWidened = recorder.isSoftware && chosen.quads;
    expect(recorder.matmul).toEqual(isWidened ? { ...chosen, rows: 32 } : chosen);
    expect(await product()).toEqual(small);
  } finally {
    recorder.matmul = chosen;
    recorder.forgetBindGroups();
    memory.dispose([x, w, y]);
  }
});

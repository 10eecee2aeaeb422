// The products on the adapter's matrix units, every tile that fits it, against plain float64 loops.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../../../src/device/open-device.ts';
import { plainMatmul, type MatrixTile } from '../../../src/device/recorder.ts';
import { matrixTiles } from '../../../src/self-test/tuner.ts';
import { linear, linearDx } from '../../../src/kernels/matmul.ts';
import { linearReference } from '../../../src/kernels/reference/linear.ts';
import { loraReference } from '../../../src/kernels/reference/lora.ts';
import { weightFormats, weightTensors } from '../../../src/kernels/weight-matrix.ts';
import { createRng } from '../../../src/support/rng.ts';
import { assertHealthyAfterEach, openTestDevice, relativeError } from '../../gpu/open.ts';
import { F32, kernelRunner, t, type KernelRunner } from '../../gpu/run-kernel.ts';
import { weightsOf } from '../../gpu/weights-of.ts';

/** Operands keep 11 bits: 2^-11 each, relative to the largest entry of the product. */
const F16 = 2e-3;

let gpu: Gpu;
let runner: KernelRunner;
let isLoops: boolean;
beforeAll(async () => {
  gpu = await openTestDevice();
  isLoops = gpu.subgroups?.max === 8; // lavapipe's, which has another name in this pass
  runner = kernelRunner(gpu, createRng(3));
  gpu.recorder.rowScales = gpu.memory.alloc('scales of rows', [4096]);
});
assertHealthyAfterEach(() => gpu);
afterAll(() => {
  gpu.recorder.matmul = plainMatmul;
});

test('the adapter has matrix units of halves with float32 sums, and a tile fits its default limits', () => {
  expect(gpu.matrixUnits.length).toBeGreaterThan(0);
  expect(matrixTiles(gpu).length).toBeGreaterThan(0);
});

/** Where matrices are loops a tile takes a minute to compile for each format and direction: the smallest shows the most. */
const tiles = (): MatrixTile[] => (isLoops ? matrixTiles(gpu).slice(-1) : matrixTiles(gpu));

const sizes = [
  [32, 32, 4],
  [33, 36, 68],
  [127, 260, 36],
  [64, 128, 96],
  [70, 132, 164],
] as const;

describe.each(weightFormats)('weights as %s', (format) => {
  test.each(sizes)('m %i, n %i, k %i: forward and dx in every tile', async (m, n, k) => {
    const { recorder, memory } = gpu;
    const { matrix, meaning } = await weightsOf(gpu, format, runner.random(n * k, 0.05), n, k);
    const size = { m, n, k };
    const known = Float32Array.from(meaning);
    const [x, dy, bias, addend] = [
      runner.random(m * k),
      runner.random(m * n),
      runner.random(n),
      runner.random(m * n),
    ];
    const y = linearReference.forward(x, known, size, bias).map((value, i) => value + addend[i]);
    const dx = linearReference.dx(dy, known, size);
    const added = dx.map((value) => value + 1);
    for (const tile of tiles()) {
      recorder.matmul = { ...plainMatmul, workgroup: true, f16: true, matrix: tile };
      const out = await runner.onGpu(
        {
          x,
          dy,
          bias,
          addend,
          y: new Float32Array(m * n),
          dx: new Float32Array(m * k),
          added: new Float32Array(m * k).fill(1),
        },
        (s) => {
          linear(recorder, t(s, 'x'), matrix, t(s, 'y'), size, {
            bias: t(s, 'bias'),
            addend: t(s, 'addend'),
          });
          linearDx(recorder, t(s, 'dy'), matrix, t(s, 'dx'), size);
          linearDx(recorder, t(s, 'dy'), matrix, t(s, 'added'), size, { accumulate: true });
        },
        ['y', 'dx', 'added'],
      );
      const name = `${tile.rows}x${tile.columns}`;
      console.log(name, m, performance.now());
      expect(relativeError(out['y'], y), name).toBeLessThan(F16);
      if (m >= 32 && n >= 32) expect(relativeError(out['y'], y), name).toBeGreaterThan(F32 / 100); // the units were used
      expect(relativeError(out['dx'], dx), name).toBeLessThan(F16);
      expect(relativeError(out['added'], added), name).toBeLessThan(F16);
    }
    memory.dispose(weightTensors(matrix));
  });
});

// With dropout there is no golden to compare with (torch draws other masks): the gradient must fit the loss itself.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toBatch } from '../../src/data/batch.ts';
import type { Gpu } from '../../src/device/open-device.ts';
import { Adapter } from '../../src/model/adapter.ts';
import { TrainingPass } from '../../src/model/training-pass.ts';
import { createRng } from '../../src/support/rng.ts';
import { lossSumOf, meanCoefficients } from '../support/mean-loss.ts';
import { openGolden, type Golden } from './goldens.ts';
import { assertHealthyAfterEach, openTestDevice } from './open.ts';

const DIRECTIONAL = 1e-2; // float32 losses of about 7 over a difference of 1e-2 along the direction

let gpu: Gpu;
let golden: Golden;
beforeAll(async () => {
  gpu = await openTestDevice();
  golden = await openGolden(gpu, 'untied-mqa');
});
afterAll(() => golden.model.decoder.dispose());
assertHealthyAfterEach(() => gpu);

test('the gradient under dropout is the slope of the loss under the same mask', async () => {
  const adapter = new Adapter(gpu, golden.model.config, { ...golden.settings, loraDropout: 0.4 });
  const { elementCount, groups, rank } = adapter.plan;
  const rng = createRng(9);
  const used = new Uint8Array(elementCount); // pads stay zero
  for (const group of groups) {
    for (const part of group.parts) {
      for (let i = 0; i < golden.settings.r; i++) {
        for (let k = 0; k < part.inFeatures; k++) used[part.aOffset + i * group.inWidth + k] = 1;
        for (let n = 0; n < part.outFeatures; n++) used[part.bOffset + n * rank + i] = 1;
      }
    }
  }
  const random = (): Float32Array => Float32Array.from(used, (flag) => (flag === 1 ? rng.next() - 0.5 : 0));
  const start = random().map((value) => value * 0.3);
  const direction = random();
  const batch = toBatch(golden.examples.slice(0, 6));
  const size = { rows: batch.tokenCount, lossRows: batch.targetCount, checkpointing: true };
  const pass = new TrainingPass(golden.model.decoder, adapter, size);
  const lossAt = async (step: number, seed: number): Promise<number> => {
    adapter.writeParameters(start.map((value, i) => value + step * (direction[i] ?? 0)));
    pass.accumulate(batch, 0, meanCoefficients(batch), seed);
    return lossSumOf((await pass.readReport(batch.targetCount)).logProbs) / batch.targetCount;
  };
  const loss = await lossAt(0, 5);
  const gradient = await gpu.memory.readFloat32(adapter.gradients);
  const slope = gradient.reduce((sum, value, i) => sum + value * (direction[i] ?? 0), 0);
  const h = 2e-3;
  const measured = ((await lossAt(h, 5)) - (await lossAt(-h, 5))) / (2 * h);
  expect(Math.abs(measured - slope) / Math.abs(slope)).toBeLessThan(DIRECTIONAL);
  expect(await lossAt(0, 5)).toBe(loss);
  expect(await lossAt(0, 6)).not.toBe(loss); // the control: another mask, another loss
  pass.dispose();
  adapter.dispose();
});

// What a pass claims to be: default limits to the byte, and the features it shows, on a subgroup size that SwiftShader lacks.
import { beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
import { plainMatmul } from '../../src/device/recorder.ts';
import { candidates } from '../../src/self-test/tuner.ts';
import { openTestDevice } from '../gpu/open.ts';
import { defaultLimits, passOf } from './passes.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestDevice();
});

test('the device has the default limits and not a byte more', () => {
  for (const [name, value] of Object.entries(defaultLimits))
    expect(gpu.device.limits[name as keyof typeof defaultLimits], name).toBe(value);
  expect(gpu.memory.maxTensorBytes).toBe(defaultLimits.maxStorageBufferBindingSize);
});

test('half precision and subgroups of another size than four are there', () => {
  expect(gpu.device.features.has('shader-f16')).toBe(true);
  expect(gpu.subgroups?.min).toBeGreaterThan(4);
  expect(candidates(gpu)).toContainEqual(plainMatmul);
});

test('the engine takes the paths of a real GPU exactly where the pass says so', () => {
  expect(gpu.recorder.isSoftware).toBe(!passOf(process.env['ALTTRAIN_PASS']).asHardware);
});

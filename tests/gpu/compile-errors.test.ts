/** WGSL that does not compile is shown with its line; a device of its own each, because an error ends a device. */
import { expect, onTestFinished, test } from 'vitest';
import { toWire, type WireError } from '../../src/support/trainer-error.ts';
import { kernel } from '../../src/device/kernel.ts';
import { openDevice, type Gpu } from '../../src/device/open-device.ts';

async function open(): Promise<Gpu> {
  const gpu = await openDevice(navigator.gpu);
  onTestFinished(() => gpu.device.destroy());
  return gpu;
}

const copies = (key: string, body: string) =>
  kernel(key, () => ({
    bindings: { x: ['array<f32>', 'read'], y: ['array<f32>', 'read_write'] },
    uniforms: { n: 'u32' },
    body,
  }));
const sound = copies('copies', '  if (threadIndex >= u.n) { return; }\n  y[threadIndex] = x[threadIndex];');
const broken = copies(
  'copies-what-is-missing',
  '  if (threadIndex >= u.n) { return; }\n  y[threadIndex] = x[threadIndex] * nowhere;',
);

/** The lines around, and the mark under the name that is unknown. */
function expectPlace(detail: string | null): void {
  const [head, ...lines] = (detail ?? '').split('\n');
  const lineNum = broken.source.split('\n').findIndex((line) => line.includes('nowhere')) + 1;
  expect(head).toMatch(new RegExp(`^copies-what-is-missing, line ${lineNum}, column \\d+: .*nowhere`));
  const marked = lines.findIndex((line) => line.startsWith('>'));
  expect(lines[marked]).toBe(`> ${lineNum} |   y[threadIndex] = x[threadIndex] * nowhere;`);
  expect(lines[marked - 1]).toMatch(/ \| {3}if \(threadIndex >= u\.n\) \{ return; \}$/);
  expect(lines[marked + 1].indexOf('^')).toBe(lines[marked].indexOf('nowhere'));
}

function dispatch({ memory, recorder }: Gpu, made: typeof sound): void {
  const [x, y] = [memory.alloc('x', [4]), memory.alloc('y', [4])];
  recorder.dispatch(made, [x, y], { n: 4 }, 4);
  recorder.submit();
}

test('a preparation ends with the lines that the compiler refuses', async () => {
  const gpu = await open();
  await gpu.recorder.prepare(() => dispatch(gpu, sound));
  gpu.assertHealthy();
  const refusal = await gpu.recorder
    .prepare(() => {
      dispatch(gpu, sound);
      dispatch(gpu, broken);
    })
    .then(
      () => null,
      (error: unknown): WireError => toWire(error),
    );
  expect(refusal?.code).toBe('gpu-error');
  expectPlace(refusal?.detail ?? null);
});

test('a kernel that was not prepared fails the device with the same lines', async () => {
  const gpu = await open();
  dispatch(gpu, sound);
  dispatch(gpu, broken);
  const failure = await gpu.failed;
  expect(failure.code).toBe('gpu-error');
  expectPlace(failure.detail);
  expect(() => gpu.assertHealthy()).toThrow(failure);
});

test('an error of another kind keeps its own words', async () => {
  const gpu = await open();
  dispatch(gpu, sound);
  gpu.device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE }); // not allowed together
  const { code, detail } = await gpu.failed;
  expect(code).toBe('gpu-error');
  expect(detail).toMatch(/usage/i);
  expect(detail).not.toContain('copies');
});

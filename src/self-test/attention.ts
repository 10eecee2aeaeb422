/** Whether threads that share a row of attention hear each other: the order of threads in a subgroup is the driver's. */
import { attention } from '../kernels/attention.ts';
import { attentionReference } from '../kernels/reference/attention.ts';
import { createRng } from '../support/rng.ts';
import type { Gpu } from '../device/open-device.ts';
import { distance } from './tuner.ts';

const shape = { heads: 2, kvHeads: 1, headSize: 72 };
const m = 7;

/** Largest difference to plain loops. */
export async function errorOfAttention({ memory, recorder }: Gpu): Promise<number> {
  const { heads, kvHeads, headSize } = shape;
  const stride = (heads + 2 * kvHeads) * headSize;
  const rng = createRng(5);
  const values = Float32Array.from({ length: m * stride }, () => rng.next() * 2 - 1);
  const ranges = Uint32Array.from({ length: 2 * m }, (_, i) => (i % 2 === 0 ? 0 : (i + 1) / 2));
  const qkv = memory.from('self-test qkv', [m, stride], values);
  const rows = memory.from('self-test ranges', [m, 2], ranges);
  const o = memory.alloc('self-test o', [m, heads * headSize]);
  const lse = memory.alloc('self-test lse', [m, heads]);
  const layout = { stride, k: heads * headSize, v: (heads + kvHeads) * headSize };
  try {
    const run = (): void =>
      attention(recorder, { q: qkv, qStride: stride, kv: qkv, layout, ranges: rows, o, lse }, m, shape);
    await recorder.prepare(run);
    run();
    recorder.submit();
    return distance(
      await memory.readFloat32(o),
      attentionReference.forward(values, new Uint32Array(m), { m, ...shape }),
    );
  } finally {
    recorder.forgetBindGroups();
    memory.dispose([qkv, rows, o, lse]);
  }
}

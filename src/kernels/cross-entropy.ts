/**
 * Softmax cross-entropy over a block of rows, in place: logits become their gradient.
 *
 *   loss[row] = log Σ_v exp(l_v) − l_target,   dLogits = (softmax(l) − onehot(target)) · scale
 *
 * Only target rows come here, a chunk at a time, so no [T, V] tensor ever exists.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { rowWork, rowPrologue, rowSum, sharedHeader } from './rms-norm.ts';

function rowMax(rowThreads: number): string {
  return rowSum(rowThreads, 'highest', 'top').replace(
    'shared_[lid.x] += shared_[lid.x + step]',
    'shared_[lid.x] = max(shared_[lid.x], shared_[lid.x + step])',
  );
}

function crossEntropyKernel(rowThreads: number): Kernel {
  const walk = (statement: string): string => `
  for (var v = first; v < u.stride4; v += ${rowThreads}u) {
    let columns = vec4u(v * 4u) + vec4u(0u, 1u, 2u, 3u);
    let l = select(vec4f(-3e38), logits[base + v], columns < vec4u(u.vocab)); // pads count for nothing
    ${statement}
  }`;
  return kernel(`crossEntropy threads=${rowThreads}`, () => ({
    bindings: {
      logits: ['array<vec4f>', 'read_write'],
      targets: ['array<u32>', 'read'],
      losses: ['array<f32>', 'read_write'],
    },
    uniforms: { rows: 'u32', vocab: 'u32', stride4: 'u32', firstRow: 'u32', lossOffset: 'u32', scale: 'f32' },
    header: sharedHeader(rowThreads),
    body: `
${rowPrologue(rowThreads)}
  let base = row * u.stride4;
  var tops = vec4f(-3e38);
${walk('tops = max(tops, l);')}
  let top = max(max(tops.x, tops.y), max(tops.z, tops.w));
${rowMax(rowThreads)}
  var parts = vec4f();
${walk('parts += exp(l - highest);')}
  let part = dot(parts, vec4f(1.0));
${rowSum(rowThreads, 'total', 'part')}
  let chosen = targets[u.firstRow + row];
  if (first == 0u) { losses[u.lossOffset + row] = log(total) + highest - logits[base + chosen / 4u][chosen % 4u]; }
${rowThreads === 1 ? '' : '  storageBarrier();\n  workgroupBarrier();'}
  let norm = u.scale / total;
${walk(`let p = exp(l - highest) * norm;
    logits[base + v] = select(p, p - u.scale, columns == vec4u(chosen));`)}`,
  }));
}

/** Writes losses[lossOffset + row] and replaces logits[rows, stride] by their gradient; pads become 0. */
export function crossEntropy(
  recorder: Recorder,
  logits: GpuTensor, // [rows, stride], stride a multiple of 4
  targets: GpuTensor, // u32, indexed from firstRow
  losses: GpuTensor,
  size: {
    readonly rows: number;
    readonly vocab: number;
    readonly stride: number;
    readonly firstRow: number;
    readonly lossOffset: number;
    readonly rowThreads: 1 | 64;
  },
  scale: number,
): void {
  const { rows, vocab, stride, firstRow, lossOffset, rowThreads } = size;
  recorder.dispatch(
    crossEntropyKernel(rowThreads),
    [logits, targets, losses],
    { rows, vocab, stride4: stride / 4, firstRow, lossOffset, scale },
    rowWork({ rows, rowThreads }),
  );
}

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
  return kernel(`crossEntropy threads=${rowThreads}`, () => ({
    bindings: {
      logits: ['array<f32>', 'read_write'],
      targets: ['array<u32>', 'read'],
      losses: ['array<f32>', 'read_write'],
    },
    uniforms: { rows: 'u32', vocab: 'u32', stride: 'u32', firstRow: 'u32', lossOffset: 'u32', scale: 'f32' },
    header: sharedHeader(rowThreads),
    body: `
${rowPrologue(rowThreads)}
  let base = row * u.stride;
  var top = logits[base];
  for (var v = first; v < u.vocab; v += ${rowThreads}u) { top = max(top, logits[base + v]); }
${rowMax(rowThreads)}
  var part = 0.0;
  for (var v = first; v < u.vocab; v += ${rowThreads}u) { part += exp(logits[base + v] - highest); }
${rowSum(rowThreads, 'total', 'part')}
  let chosen = targets[u.firstRow + row];
  if (first == 0u) { losses[u.lossOffset + row] = log(total) + highest - logits[base + chosen]; }
${rowThreads === 1 ? '' : '  storageBarrier();\n  workgroupBarrier();'}
  let norm = u.scale / total;
  for (var v = first; v < u.stride; v += ${rowThreads}u) {
    let p = select(0.0, exp(logits[base + v] - highest) * norm, v < u.vocab);
    logits[base + v] = select(p, p - u.scale, v == chosen);
  }`,
  }));
}

/** Writes losses[lossOffset + row] and replaces logits[rows, stride] by their gradient; pads become 0. */
export function crossEntropy(
  recorder: Recorder,
  logits: GpuTensor, // [rows, stride]
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
    { rows, vocab, stride, firstRow, lossOffset, scale },
    rowWork({ rows, rowThreads }),
  );
}

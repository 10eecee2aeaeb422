/**
 * Log-probabilities of the target words over a block of rows of logits, and the way back through them, in place:
 *
 *   logProb[row] = l_target − log Σ_v exp(l_v),   dLogits = coefficient[row] · (onehot(target) − softmax(l))
 *
 * where coefficient = dLoss / dLogProb. With −1/n for each of n targets, the loss is their mean cross-entropy; every other
 * loss that is a function of log-probabilities needs other coefficients and nothing else.
 *
 * Only target rows come here, a chunk at a time, so no [T, V] tensor ever exists.
 *
 * Σ exp is summed in blocks and then over the blocks: added one by one to a sum that already holds the likeliest word, the
 * tens of thousands of improbable ones are each below half of its last bit and vanish, and every log-probability comes out
 * too high: with a pre-trained model's 49,152 words the mean loss was 1.1e-5 of itself too low.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { rowWork, rowPrologue, rowSum, sharedHeader } from './rms-norm.ts';

export interface TargetRows {
  readonly rows: number;
  readonly vocab: number;
  readonly stride: number; // of a row of logits, a multiple of 4
  readonly firstRow: number; // of `targets` and `coefficients`
  readonly firstLogProb: number;
  readonly rowThreads: 1 | 64;
}

/** Groups of four words that a thread adds before the sum joins the others. */
const BLOCK = 64;

function rowMax(rowThreads: number): string {
  return rowSum(rowThreads, 'highest', 'top').replace(
    'shared_[lid.x] += shared_[lid.x + step]',
    'shared_[lid.x] = max(shared_[lid.x], shared_[lid.x + step])',
  );
}

/** Both kernels, so that a log-probability has the same bits whether its gradient is wanted or not. */
function targetKernel(rowThreads: number, withGradient: boolean): Kernel {
  const walk = (statement: string, from = 'first', end = 'u.stride4'): string => `
  for (var v = ${from}; v < ${end}; v += ${rowThreads}u) {
    let columns = vec4u(v * 4u) + vec4u(0u, 1u, 2u, 3u);
    let l = select(vec4f(-3e38), logits[base + v], columns < vec4u(u.vocab)); // pads count for nothing
    ${statement}
  }`;
  const name = withGradient ? 'crossEntropy' : 'targetLogProbs';
  return kernel(`${name} threads=${rowThreads}`, () => ({
    bindings: {
      logits: ['array<vec4f>', withGradient ? 'read_write' : 'read'],
      targets: ['array<u32>', 'read'],
      logProbs: ['array<f32>', 'read_write'],
      ...(withGradient ? { coefficients: ['array<f32>', 'read'] as const } : {}),
    },
    uniforms: { rows: 'u32', vocab: 'u32', stride4: 'u32', firstRow: 'u32', firstLogProb: 'u32' },
    header: sharedHeader(rowThreads),
    body: `
${rowPrologue(rowThreads)}
  let base = row * u.stride4;
  var tops = vec4f(-3e38);
${walk('tops = max(tops, l);')}
  let top = max(max(tops.x, tops.y), max(tops.z, tops.w));
${rowMax(rowThreads)}
  var parts = vec4f();
  for (var begin = first; begin < u.stride4; begin += ${BLOCK * rowThreads}u) {
    var some = vec4f();
${walk('some += exp(l - highest);', 'begin', `min(u.stride4, begin + ${BLOCK * rowThreads}u)`)}
    parts += some;
  }
  let part = dot(parts, vec4f(1.0));
${rowSum(rowThreads, 'total', 'part')}
  let chosen = targets[u.firstRow + row];
  if (first == 0u) { logProbs[u.firstLogProb + row] = -(log(total) + highest - logits[base + chosen / 4u][chosen % 4u]); }
${withGradient ? gradient(rowThreads, walk) : ''}`,
  }));
}

const gradient = (rowThreads: number, walk: (statement: string) => string): string => `
${rowThreads === 1 ? '' : '  storageBarrier();\n  workgroupBarrier();'}
  let scale = -coefficients[u.firstRow + row];
  let norm = scale / total;
${walk(`let p = exp(l - highest) * norm;
    logits[base + v] = select(p, p - scale, columns == vec4u(chosen));`)}`;

/** Writes logProbs[firstLogProb + row]. */
export function targetLogProbs(
  recorder: Recorder,
  logits: GpuTensor, // [rows, stride]
  targets: GpuTensor, // u32
  logProbs: GpuTensor,
  size: TargetRows,
): void {
  record(recorder, targetKernel(size.rowThreads, false), [logits, targets, logProbs], size);
}

/** The same, and replaces logits[rows, stride] by their gradient; pads become 0. */
export function crossEntropy(
  recorder: Recorder,
  logits: GpuTensor, // [rows, stride]
  targets: GpuTensor, // u32
  logProbs: GpuTensor,
  coefficients: GpuTensor, // dLoss / dLogProb
  size: TargetRows,
): void {
  record(recorder, targetKernel(size.rowThreads, true), [logits, targets, logProbs, coefficients], size);
}

function record(recorder: Recorder, program: Kernel, tensors: readonly GpuTensor[], size: TargetRows): void {
  const { rows, vocab, stride, firstRow, firstLogProb } = size;
  recorder.dispatch(
    program,
    tensors,
    { rows, vocab, stride4: stride / 4, firstRow, firstLogProb },
    rowWork(size),
  );
}

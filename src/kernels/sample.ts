/**
 * Next-token choice on the GPU, so that decoding needs no read per token: greedy, or temperature by the
 * Gumbel-max trick (argmax of logit / T + Gumbel noise is a draw from the softmax).
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { hashWgsl } from './dropout.ts';

/** next[row] = chosen id; out[row · outStride + step] = the same. The lowest id wins a tie, as in torch.argmax. */
export function sampleTokens(
  recorder: Recorder,
  logits: GpuTensor, // [rows, stride]
  next: GpuTensor, // u32 [rows]
  out: GpuTensor, // u32 [rows, outStride]
  size: {
    readonly rows: number;
    readonly vocab: number;
    readonly stride: number;
    readonly outStride: number;
    readonly step: number;
  },
  temperature: number,
  seed: number,
): void {
  const greedy = temperature === 0;
  const program = kernel(`sample greedy=${greedy}`, () => ({
    bindings: {
      logits: ['array<f32>', 'read'],
      next: ['array<u32>', 'read_write'],
      result: ['array<u32>', 'read_write'],
    },
    uniforms: {
      rows: 'u32',
      vocab: 'u32',
      stride: 'u32',
      outStride: 'u32',
      step: 'u32',
      inverseT: 'f32',
      seed: 'u32',
    },
    header: `${hashWgsl}
var<workgroup> bestValue: array<f32, 64>;
var<workgroup> bestIndex: array<u32, 64>;`,
    body: `
  let row = groupIndex;
  if (row >= u.rows) { return; }
  var value = -3.4e38;
  var index = 0xffffffffu;
  for (var v = lid.x; v < u.vocab; v += 64u) {
    var score = logits[row * u.stride + v] ${greedy ? '' : '* u.inverseT'};
    ${
      greedy
        ? ''
        : `let uniform_ = max(hashUniform(u.seed + u.step * 2654435769u, row * u.vocab + v), 1e-7);
    score -= log(-log(uniform_) + 1e-20);`
    }
    if (score > value || index == 0xffffffffu) { value = score; index = v; }
  }
  bestValue[lid.x] = value;
  bestIndex[lid.x] = index;
  workgroupBarrier();
  for (var step = 32u; step > 0u; step /= 2u) {
    if (lid.x < step) {
      let other = lid.x + step;
      let better = bestValue[other] > bestValue[lid.x] || (bestValue[other] == bestValue[lid.x] && bestIndex[other] < bestIndex[lid.x]);
      if (bestIndex[other] != 0xffffffffu && (better || bestIndex[lid.x] == 0xffffffffu)) {
        bestValue[lid.x] = bestValue[other];
        bestIndex[lid.x] = bestIndex[other];
      }
    }
    workgroupBarrier();
  }
  if (lid.x == 0u) {
    next[row] = bestIndex[0];
    result[row * u.outStride + u.step] = bestIndex[0];
  }`,
  }));
  const { rows, vocab, stride, outStride, step } = size;
  recorder.dispatch(
    program,
    [logits, next, out],
    { rows, vocab, stride, outStride, step, inverseT: greedy ? 1 : 1 / temperature, seed },
    rows * 64,
  );
}

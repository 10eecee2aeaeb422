/**
 * Next-token choice on the GPU, so that decoding needs no read per token: greedy, or temperature by the
 * Gumbel-max trick (argmax of logit / T + Gumbel noise is a draw from the softmax). With top-p (arXiv 1904.09751) only
 * the likeliest tokens are drawn from (top-p.ts).
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { hashWgsl } from './dropout.ts';
import { topPBody, topPHeader, topPPasses } from './top-p.ts';

export interface Draw {
  readonly temperature: number; // 0: greedy
  readonly topP: number; // 1: from all tokens
  readonly seed: number;
}

/** next[row] = chosen id; out[row · outStride + step] = the same. The lowest id wins a tie, as in torch.argmax. */
export function sampleTokens(
  recorder: Recorder,
  logits: GpuTensor, // [rows, stride], stride a multiple of 4
  next: GpuTensor, // u32 [rows]
  out: GpuTensor, // u32 [rows, outStride]
  size: {
    readonly rows: number;
    readonly vocab: number;
    readonly stride: number;
    readonly outStride: number;
    readonly step: number;
    /** Threads that share one row: few where barriers are slow. */
    readonly rowThreads: 8 | 64;
  },
  { temperature, topP, seed }: Draw,
): void {
  const greedy = temperature === 0;
  const isCut = !greedy && topP < 1;
  const { rows, vocab, stride, outStride, step, rowThreads } = size;
  const program = kernel(`sample greedy=${greedy} cut=${isCut} threads=${rowThreads}`, () => ({
    workgroupSize: rowThreads,
    bindings: {
      logits: ['array<vec4f>', 'read'],
      next: ['array<u32>', 'read_write'],
      result: ['array<u32>', 'read_write'],
    },
    uniforms: {
      rows: 'u32',
      vocab: 'u32',
      stride4: 'u32',
      outStride: 'u32',
      step: 'u32',
      inverseT: 'f32',
      seed: 'u32',
      dropped: 'f32',
    },
    header: `${hashWgsl}
${isCut ? topPHeader(rowThreads) : ''}
var<workgroup> bestValue: array<f32, ${rowThreads}>;
var<workgroup> bestIndex: array<u32, ${rowThreads}>;`,
    body: `
  let row = groupIndex;
  if (row >= u.rows) { return; }
${isCut ? topPBody(rowThreads) : ''}
  var value = -3.4e38;
  var index = 0xffffffffu;
  for (var v = lid.x; v < u.stride4; v += ${rowThreads}u) {
    let columns = vec4u(v * 4u) + vec4u(0u, 1u, 2u, 3u);
    let logit = logits[row * u.stride4 + v];
    var score = logit;
${
  greedy
    ? ''
    : `    let draw = u.seed + u.step * 2654435769u;
    let at = row * u.vocab + columns;
    let noise = vec4f(hashUniform(draw, at.x), hashUniform(draw, at.y), hashUniform(draw, at.z), hashUniform(draw, at.w));
    score = score * u.inverseT - log(-log(max(noise, vec4f(1e-7))) + 1e-20);`
}
    score = select(vec4f(-3.4e38), score, columns < vec4u(u.vocab));
${isCut ? '    score = select(vec4f(-3.4e38), score, ordered(logit) >= vec4u(lowestKept));' : ''}
    let top = max(max(score.x, score.y), max(score.z, score.w));
    if (top > value || index == 0xffffffffu) {
      value = top;
      let first = select(select(select(3u, 2u, score.z == top), 1u, score.y == top), 0u, score.x == top);
      index = min(v * 4u + first, u.vocab - 1u); // logits that are no numbers equal nothing
    }
  }
  bestValue[lid.x] = value;
  bestIndex[lid.x] = index;
  workgroupBarrier();
  for (var step = ${rowThreads / 2}u; step > 0u; step /= 2u) {
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
  recorder.dispatch(
    program,
    [logits, next, out],
    {
      ...{ rows, vocab, stride4: stride / 4, outStride, step, seed },
      inverseT: greedy ? 1 : 1 / temperature,
      dropped: 1 - topP,
    },
    rows * rowThreads,
    isCut ? (topPPasses * 10 * vocab) / rowThreads : undefined,
  );
}

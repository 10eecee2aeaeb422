/**
 * A fingerprint of what lies in GPU memory: two 32-bit sums, modulo 2³², over all words x at position i,
 *
 *   Σ mix(x + mix(i + seed)),   mix: Chris Wellons' lowbias32 (nullprogram.com/blog/2018/07/31)
 *
 * Sums of integers have no order, so the result is the same on every device. It tells weights from other weights; it
 * is no protection against someone who wants two to look alike. Words that are 0 count nothing: pads do not matter.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';

const groups = 64;
const threads = 64 * groups;
/** Words of the sums: two per workgroup. */
export const fingerprintSums = 2 * groups;

/** Adds the words of `data`, which begin at `firstWord` of the whole, into `sums`. */
export function addFingerprint(
  recorder: Recorder,
  data: GpuTensor, // any type
  sums: GpuTensor, // u32 [fingerprintSums]
  { seed, firstWord }: { readonly seed: number; readonly firstWord: number },
): void {
  const program = kernel('fingerprint', () => ({
    bindings: { data: ['array<u32>', 'read'], sums: ['array<u32>', 'read_write'] },
    uniforms: { words: 'u32', firstWord: 'u32', seed: 'u32' },
    header: `
var<workgroup> first: array<u32, 64>;
var<workgroup> second: array<u32, 64>;
fn mix(x: u32) -> u32 {
  var h = x;
  h = (h ^ (h >> 16u)) * 0x7feb352du;
  h = (h ^ (h >> 15u)) * 0x846ca68bu;
  return h ^ (h >> 16u);
}`,
    body: `
  var a = 0u;
  var b = 0u;
  for (var i = threadIndex; i < u.words; i += ${threads}u) {
    let word = data[i];
    if (word != 0u) {
      let place = u.firstWord + i;
      a += mix(word + mix(place + u.seed));
      b += mix(word + mix(place + (u.seed ^ 0x9e3779b9u)));
    }
  }
  first[lid.x] = a;
  second[lid.x] = b;
  workgroupBarrier();
  for (var step = 32u; step > 0u; step /= 2u) {
    if (lid.x < step) {
      first[lid.x] += first[lid.x + step];
      second[lid.x] += second[lid.x + step];
    }
    workgroupBarrier();
  }
  if (lid.x == 0u) {
    sums[2u * groupIndex] += first[0];
    sums[2u * groupIndex + 1u] += second[0];
  }`,
  }));
  const words = data.byteSize / 4;
  recorder.dispatch(program, [data, sums], { words, firstWord, seed }, threads, 30 * words);
}

/**
 * Global gradient norm, clipping and AdamW over one flat buffer, as torch.optim.AdamW (arXiv 1711.05101) and
 * torch.nn.utils.clip_grad_norm_ define them:
 *
 *   clip = min(1, maxNorm / (‖g‖ + 1e-6));  g ← g · clip
 *   θ ← θ (1 − lr·λ);  m ← β1 m + (1−β1) g;  v ← β2 v + (1−β2) g²
 *   θ ← θ − lr / (1−β1ᵗ) · m / (sqrt(v) / sqrt(1−β2ᵗ) + ε)
 *
 * The gradient is zeroed in the same pass, ready for the next step.
 *
 * A step whose gradient or loss is not finite must change nothing, and the GPU decides that itself: a step is not read back
 * before its update. Judged are bit patterns, since a WGSL compiler may assume that a float is neither NaN nor infinite:
 * without its sign, the pattern of a larger magnitude is the larger integer, and from 0x7f800000 on it is no number.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';

const normGroups = 64;
/** Of each group the sum of squares, then of each group the largest magnitude as a bit pattern. */
export const gradNormPartials = 2 * normGroups;
/** Of `stats`. */
export const gradNormStats = 3;

/** Magnitudes from here on are infinite or NaN. */
const NOT_FINITE = '0x7f800000u';
const magnitudeOf = (value: string): string => `(bitcast<u32>(${value}) & 0x7fffffffu)`;

/**
 * stats[0] = ‖gradients‖₂, stats[1] = clip factor, stats[2] = 1 where norm, gradients and the `watched` values are finite, else 0:
 * then `adamw` updates nothing. `maxNorm` 0 switches clipping off. A norm above 1.8e19 has no square in float32 and is
 * not finite either.
 */
export function gradNorm(
  recorder: Recorder,
  gradients: GpuTensor,
  partials: GpuTensor, // [gradNormPartials]
  stats: GpuTensor, // [gradNormStats]
  count: number,
  maxNorm: number,
  watched: { readonly values: GpuTensor; readonly count: number } = { values: gradients, count: 0 },
): void {
  const sumSquares = kernel('gradNorm partials', () => ({
    bindings: {
      gradients: ['array<f32>', 'read'],
      watched: ['array<f32>', 'read'],
      partials: ['array<u32>', 'read_write'],
    },
    uniforms: { count: 'u32', watchedCount: 'u32' },
    header: `var<workgroup> sums: array<f32, 64>;
var<workgroup> largest: array<u32, 64>;`,
    body: `
  var sum = 0.0;
  var most = 0u;
  for (var i = threadIndex; i < u.count; i += ${normGroups * 64}u) {
    let g = gradients[i];
    sum += g * g;
    most = max(most, ${magnitudeOf('g')});
  }
  for (var i = threadIndex; i < u.watchedCount; i += ${normGroups * 64}u) {
    most = max(most, ${magnitudeOf('watched[i]')});
  }
  sums[lid.x] = sum;
  largest[lid.x] = most;
  workgroupBarrier();
  for (var step = 32u; step > 0u; step /= 2u) {
    if (lid.x < step) {
      sums[lid.x] += sums[lid.x + step];
      largest[lid.x] = max(largest[lid.x], largest[lid.x + step]);
    }
    workgroupBarrier();
  }
  if (lid.x == 0u) {
    partials[groupIndex] = bitcast<u32>(sums[0]);
    partials[${normGroups}u + groupIndex] = largest[0];
  }`,
  }));
  const finish = kernel('gradNorm finish', () => ({
    bindings: { partials: ['array<u32>', 'read'], stats: ['array<f32>', 'read_write'] },
    uniforms: { maxNorm: 'f32' },
    workgroupSize: 1,
    body: `
  var sum = 0.0;
  var most = 0u;
  for (var i = 0u; i < ${normGroups}u; i++) {
    sum += bitcast<f32>(partials[i]);
    most = max(most, max(partials[${normGroups}u + i], partials[i] & 0x7fffffffu));
  }
  let norm = sqrt(sum);
  most = max(most, ${magnitudeOf('sum')});
  stats[0] = norm;
  stats[1] = select(1.0, min(1.0, u.maxNorm / (norm + 1e-6)), u.maxNorm > 0.0);
  stats[2] = select(0.0, 1.0, most < ${NOT_FINITE});`,
  }));
  recorder.dispatch(
    sumSquares,
    [gradients, watched.values, partials],
    { count, watchedCount: watched.count },
    normGroups * 64,
  );
  recorder.dispatch(finish, [partials, stats], { maxNorm }, 1);
}

interface AdamWStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly step: number; // 1-based, of the updates that were made
}

/** Updates parameters, m and v in place, or where stats[2] is 0 leaves every bit of them; sets gradients to 0. */
export function adamw(
  recorder: Recorder,
  parameters: GpuTensor,
  gradients: GpuTensor,
  firstMoment: GpuTensor,
  secondMoment: GpuTensor,
  stats: GpuTensor,
  count: number,
  { learningRate, beta1, beta2, epsilon, weightDecay, step }: AdamWStep,
): void {
  const program = kernel('adamw', () => ({
    bindings: {
      parameters: ['array<f32>', 'read_write'],
      gradients: ['array<f32>', 'read_write'],
      firstMoment: ['array<f32>', 'read_write'],
      secondMoment: ['array<f32>', 'read_write'],
      stats: ['array<f32>', 'read'],
    },
    uniforms: {
      count: 'u32',
      beta1: 'f32',
      beta2: 'f32',
      oneMinusBeta1: 'f32',
      oneMinusBeta2: 'f32',
      epsilon: 'f32',
      decay: 'f32',
      stepSize: 'f32',
      rootCorrection2: 'f32',
    },
    body: `
  let i = threadIndex;
  if (i >= u.count) { return; }
  let gradient = gradients[i];
  gradients[i] = 0.0;
  if (stats[2] == 0.0) { return; }
  let g = gradient * stats[1];
  let m = u.beta1 * firstMoment[i] + u.oneMinusBeta1 * g;
  let v = u.beta2 * secondMoment[i] + u.oneMinusBeta2 * g * g;
  // a gradient that was always 0 (a pad) must not become 0 / 0 when epsilon is 0
  let update = select(u.stepSize * m / (sqrt(v) / u.rootCorrection2 + u.epsilon), 0.0, m == 0.0);
  parameters[i] = parameters[i] * u.decay - update;
  firstMoment[i] = m;
  secondMoment[i] = v;`,
  }));
  recorder.dispatch(
    program,
    [parameters, gradients, firstMoment, secondMoment, stats],
    {
      count,
      beta1,
      beta2,
      // 1 − β in float64: in float32 1 − 0.999 is off by 5e-5 relative
      oneMinusBeta1: 1 - beta1,
      oneMinusBeta2: 1 - beta2,
      epsilon,
      decay: 1 - learningRate * weightDecay,
      stepSize: learningRate / (1 - Math.pow(beta1, step)),
      rootCorrection2: Math.sqrt(1 - Math.pow(beta2, step)),
    },
    count,
  );
}

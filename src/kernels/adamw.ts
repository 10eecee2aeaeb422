/**
 * Global gradient norm, clipping and AdamW over one flat buffer, as torch.optim.AdamW (arXiv 1711.05101) and
 * torch.nn.utils.clip_grad_norm_ define them:
 *
 *   clip = min(1, maxNorm / (‖g‖ + 1e-6));  g ← g · clip
 *   θ ← θ (1 − lr·λ);  m ← β1 m + (1−β1) g;  v ← β2 v + (1−β2) g²
 *   θ ← θ − lr / (1−β1ᵗ) · m / (sqrt(v) / sqrt(1−β2ᵗ) + ε)
 *
 * The gradient is zeroed in the same pass, ready for the next step.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';

const normGroups = 64;
export const gradNormPartials = normGroups;

/** stats[0] = ‖gradients‖₂, stats[1] = clip factor. `maxNorm` 0 switches clipping off. */
export function gradNorm(
  recorder: Recorder,
  gradients: GpuTensor,
  partials: GpuTensor, // [gradNormPartials]
  stats: GpuTensor, // [2]
  count: number,
  maxNorm: number,
): void {
  const sumSquares = kernel('gradNorm partials', () => ({
    bindings: { gradients: ['array<f32>', 'read'], partials: ['array<f32>', 'read_write'] },
    uniforms: { count: 'u32' },
    header: 'var<workgroup> sums: array<f32, 64>;',
    body: `
  var sum = 0.0;
  for (var i = threadIndex; i < u.count; i += ${normGroups * 64}u) { sum += gradients[i] * gradients[i]; }
  sums[lid.x] = sum;
  workgroupBarrier();
  for (var step = 32u; step > 0u; step /= 2u) {
    if (lid.x < step) { sums[lid.x] += sums[lid.x + step]; }
    workgroupBarrier();
  }
  if (lid.x == 0u) { partials[groupIndex] = sums[0]; }`,
  }));
  const finish = kernel('gradNorm finish', () => ({
    bindings: { partials: ['array<f32>', 'read'], stats: ['array<f32>', 'read_write'] },
    uniforms: { maxNorm: 'f32' },
    workgroupSize: 1,
    body: `
  var sum = 0.0;
  for (var i = 0u; i < ${normGroups}u; i++) { sum += partials[i]; }
  let norm = sqrt(sum);
  stats[0] = norm;
  stats[1] = select(1.0, min(1.0, u.maxNorm / (norm + 1e-6)), u.maxNorm > 0.0);`,
  }));
  recorder.dispatch(sumSquares, [gradients, partials], { count }, normGroups * 64);
  recorder.dispatch(finish, [partials, stats], { maxNorm }, 1);
}

interface AdamWStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly step: number; // 1-based
}

/** Updates parameters, m and v in place; sets gradients to 0. */
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
  let g = gradients[i] * stats[1];
  let m = u.beta1 * firstMoment[i] + u.oneMinusBeta1 * g;
  let v = u.beta2 * secondMoment[i] + u.oneMinusBeta2 * g * g;
  // a gradient that was always 0 (a pad) must not become 0 / 0 when epsilon is 0
  let update = select(u.stepSize * m / (sqrt(v) / u.rootCorrection2 + u.epsilon), 0.0, m == 0.0);
  parameters[i] = parameters[i] * u.decay - update;
  firstMoment[i] = m;
  secondMoment[i] = v;
  gradients[i] = 0.0;`,
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

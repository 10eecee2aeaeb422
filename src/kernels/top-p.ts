/**
 * Top-p, or nucleus sampling (arXiv 1904.09751), as transformers' TopPLogitsWarper has it: in the order of their
 * probabilities from the least, tokens are left out as long as they have at most 1 − p together.
 *
 *   mass(t) = Σ exp((logit − max) / T) over tokens with logit < t
 *   lowestKept = the largest t with mass(t) ≤ (1 − p) · mass(∞), and never above the largest logit
 *
 * Nothing is sorted: t is found two bits at a time, from floats read as integers of the same order. Tokens with exactly
 * the same logit are kept or left out together.
 */
export const topPPasses = 16; // two bits of 32 each, and every one goes through the row

export const topPHeader = (rowThreads: number): string => `
fn ordered(x: vec4f) -> vec4u {
  let bits = bitcast<vec4u>(x);
  return select(bits | vec4u(0x80000000u), ~bits, (bits >> vec4u(31u)) == vec4u(1u));
}
var<workgroup> mass: array<vec4f, ${rowThreads}>;
var<workgroup> largest: array<f32, ${rowThreads}>;`;

/** Declares `lowestKept`, by `ordered`. Sees `row`; reads logits, stride4, vocab, inverseT and dropped (1 − p). */
export const topPBody = (rowThreads: number): string => {
  const reduced = (combine: string): string => `
  workgroupBarrier();
  for (var step = ${rowThreads / 2}u; step > 0u; step /= 2u) {
    if (lid.x < step) { ${combine} }
    workgroupBarrier();
  }`;
  return `
  var ownLargest = -3.4e38;
  for (var v = lid.x; v < u.stride4; v += ${rowThreads}u) {
    let isToken = vec4u(v * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.vocab);
    let own = select(vec4f(-3.4e38), logits[row * u.stride4 + v], isToken);
    ownLargest = max(ownLargest, max(max(own.x, own.y), max(own.z, own.w)));
  }
  largest[lid.x] = ownLargest;
${reduced('largest[lid.x] = max(largest[lid.x], largest[lid.x + step]);')}
  let top = largest[0];
  var lowestKept = 0u;
  var leftOut = 0.0;
  for (var pass_ = 0u; pass_ < ${topPPasses}u; pass_++) {
    let shift = 30u - 2u * pass_;
    let least = vec3u(lowestKept) + (vec3u(1u, 2u, 3u) << vec3u(shift));
    var sums = vec4f(0.0); // below each of the three, and in all
    for (var v = lid.x; v < u.stride4; v += ${rowThreads}u) {
      let isToken = vec4u(v * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.vocab);
      let own = logits[row * u.stride4 + v];
      let keys = ordered(own);
      let weights = select(vec4f(0.0), exp((own - vec4f(top)) * u.inverseT), isToken);
      for (var i = 0u; i < 3u; i++) { sums[i] += dot(weights, select(vec4f(0.0), vec4f(1.0), keys < vec4u(least[i]))); }
      sums.w += dot(weights, vec4f(1.0));
    }
    workgroupBarrier();
    mass[lid.x] = sums;
${reduced('mass[lid.x] += mass[lid.x + step];')}
    let below = mass[0];
    if (pass_ == 0u) { leftOut = u.dropped * below.w; }
    let taken = select(select(select(0u, 1u, below.x <= leftOut), 2u, below.y <= leftOut), 3u, below.z <= leftOut);
    lowestKept += taken << shift;
  }
  lowestKept = min(lowestKept, ordered(vec4f(top)).x);`;
};

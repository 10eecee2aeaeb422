/** What the compared libraries are given, and what each must offer. */
import type { LoraGradient, ModelConfig } from '../suite/engine-model.ts';

export interface PeerInputs {
  readonly config: ModelConfig;
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;
  readonly adapter: readonly LoraGradient[];
  readonly loraScale: number;
  readonly inputs: Int32Array; // [T]
  readonly targets: Int32Array; // [T], every position is trained
}

export interface LossAndGradients {
  readonly loss: number;
  /** By the adapter's names. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

export interface TrainingPeer {
  lossAndGradients(): Promise<LossAndGradients>;
  /** Loss and every gradient once, without reading the gradients back; resolves when the device is done. */
  step(): Promise<void>;
  dispose(): void;
}

/** Name → value, or an error that says which is missing. */
export function need<T>(values: ReadonlyMap<string, T>, name: string): T {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`no tensor ${name}`);
  return value;
}

/** cos and sin for every position, both halves filled: [T, D]. */
export function ropeFactors({ config, inputs }: PeerInputs): { cos: Float32Array; sin: Float32Array } {
  const { headSize, ropeTheta } = config;
  const half = headSize / 2;
  const cos = new Float32Array(inputs.length * headSize);
  const sin = new Float32Array(inputs.length * headSize);
  for (let t = 0; t < inputs.length; t++) {
    for (let d = 0; d < headSize; d++) {
      const angle = t * Math.pow(ropeTheta, (-2 * (d % half)) / headSize);
      cos[t * headSize + d] = Math.cos(angle);
      sin[t * headSize + d] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** 0 where a query may look, a large negative number where not: [T, T]. */
export function causalMask(tokens: number): Float32Array {
  const mask = new Float32Array(tokens * tokens);
  for (let i = 0; i < tokens; i++) mask.fill(-1e9, i * tokens + i + 1, (i + 1) * tokens);
  return mask;
}

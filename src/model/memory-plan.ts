/**
 * The GPU memory of a run before anything of it exists: the same descriptions that allocation follows, added up.
 *
 *   total = weights + adapter (parameters, gradients, two moments) + layer inputs + inner activations of one layer
 *           (of all layers without checkpointing) + scratch + loss block + rotary table + generation (KV cache and rows)
 */
import { specBytes } from '../device/gpu-memory.ts';
import { gradNormPartials } from '../kernels/adamw.ts';
import type { WeightFormat } from '../kernels/weight-matrix.ts';
import { planAdapter, lowWidths, type AdapterShape } from './adapter.ts';
import { bytesOf, largestOf } from './buffers.ts';
import { generatorSpecs } from './generation-session.ts';
import type { ModelConfig } from './model-config.ts';
import { ropeTableShape, ropePositionsFor } from './rope-room.ts';
import { passSpecs, type PassSize } from './training-pass.ts';
import { weightMemory } from './weights.ts';

interface MemoryRequest {
  readonly model: ModelConfig;
  readonly format: WeightFormat;
  readonly lora: AdapterShape;
  readonly size: PassSize;
  readonly longest: number; // tokens of the longest row, sample included
  readonly samples: { readonly sequences: number; readonly context: number } | null;
  readonly maxTensorBytes: number;
}

/** Bytes by what they are for. */
export interface MemoryPlan {
  readonly weights: number;
  readonly adapter: number; // parameters, gradients and moments
  readonly inputs: number; // of every layer, and the batch
  readonly layers: number; // inner activations
  readonly scratch: number; // gradients of one layer, logits
  readonly loss: number;
  readonly rope: number;
  readonly generation: number;
  readonly total: number;
  /** Of one buffer; more than the device's limit cannot be allocated, whatever is free. */
  readonly largestTensor: number;
}

const gradNormPartialsBytes = gradNormPartials * 4;

export function planMemory(request: MemoryRequest): MemoryPlan {
  const { model, format, lora, size, longest, samples, maxTensorBytes } = request;
  const adapterPlan = planAdapter(model, lora);
  const low = lowWidths(adapterPlan, model.layerCount);
  const pass = passSpecs(model, low, size, lora.loraDropout > 0);
  const flat = specBytes({ shape: [adapterPlan.elementCount] });
  const generation =
    samples === null
      ? []
      : Object.values(generatorSpecs(model, adapterPlan, samples.sequences, samples.context));
  const parts = {
    weights: weightMemory(model, format, maxTensorBytes),
    adapter: 4 * flat,
    inputs: bytesOf(Object.values(pass.inputs)),
    layers: bytesOf(pass.layers),
    scratch: bytesOf(Object.values(pass.scratch)),
    loss: bytesOf(Object.values(pass.loss)) + gradNormPartialsBytes,
    rope: specBytes({ shape: ropeTableShape(model, ropePositionsFor(model, longest)) }),
    generation: bytesOf(generation),
  };
  return {
    ...parts,
    total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
    // Weights are split by the device's limit; everything else is one buffer each.
    largestTensor: Math.max(
      flat,
      parts.rope,
      largestOf([
        ...Object.values(pass.inputs),
        ...pass.layers,
        ...Object.values(pass.scratch),
        ...Object.values(pass.loss),
        ...generation,
      ]),
    ),
  };
}

/** A loaded model and its forward pass; training and generation share it. */
import type { Gpu } from '../device/open-device.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { ropeTable } from '../kernels/rope.ts';
import { gatherWeights } from '../kernels/rows.ts';
import type { ForwardScratch, LayerActivations } from './buffers.ts';
import { layerForward, type KvCacheUse, type LayerContext, type StreamTensors } from './layer.ts';
import type { AdapterUse } from './lora-site.ts';
import type { ModelConfig } from './model-config.ts';
import { ropeFrequencies } from './rope-frequencies.ts';
import { firstRopePositions, ropePositionsFor, ropeTableShape } from './rope-room.ts';
import type { Weights } from './weights.ts';

export class Decoder {
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  readonly weights: Weights;
  #rope: GpuTensor;
  #ropePositions: number;

  constructor(gpu: Gpu, config: ModelConfig, weights: Weights) {
    this.gpu = gpu;
    this.config = config;
    this.weights = weights;
    this.#ropePositions = firstRopePositions(config);
    this.#rope = this.#makeRope(this.#ropePositions);
  }

  #makeRope(positions: number): GpuTensor {
    return this.gpu.memory.from(
      'rope table',
      ropeTableShape(this.config, positions),
      ropeTable(positions, ropeFrequencies(this.config)),
    );
  }

  /** Makes room for positions 0 … count−1; call while planning a run, not inside it. */
  reservePositions(count: number): void {
    if (count <= this.#ropePositions) return;
    this.gpu.recorder.forgetBindGroups();
    this.gpu.memory.dispose([this.#rope]);
    this.#ropePositions = ropePositionsFor(this.config, count);
    this.#rope = this.#makeRope(this.#ropePositions);
  }

  context(
    layer: number,
    stream: StreamTensors,
    m: number,
    use: AdapterUse | null,
    forward: ForwardScratch,
  ): LayerContext {
    const weights = at(this.weights.layers, layer);
    const { gpu, config } = this;
    gpu.recorder.panel = this.weights.panel; // another model on this device may have run in between
    return { gpu, config, layer, weights, ropeTable: this.#rope, stream, m, use, forward };
  }

  embed(inputs: GpuTensor, x: GpuTensor, m: number): void {
    gatherWeights(this.gpu.recorder, this.weights.embedding, inputs, x, m);
  }

  /**
   * Embedding and all layers. `streams[l]` receives the input of layer l, `streams[layerCount]` the last output;
   * entries may repeat as long as neighbours differ.
   */
  forward(
    inputs: GpuTensor, // u32 [M]
    stream: StreamTensors,
    m: number,
    streams: readonly GpuTensor[],
    activations: (layer: number) => LayerActivations,
    scratch: ForwardScratch,
    use: AdapterUse | null,
    kv: (layer: number) => KvCacheUse | null,
  ): void {
    this.embed(inputs, at(streams, 0), m);
    for (let layer = 0; layer < this.config.layerCount; layer++) {
      const context = this.context(layer, stream, m, use, scratch);
      layerForward(context, at(streams, layer), at(streams, layer + 1), activations(layer), kv(layer));
    }
  }

  dispose(): void {
    this.gpu.recorder.forgetBindGroups();
    if (this.gpu.recorder.panel === this.weights.panel) this.gpu.recorder.panel = null;
    this.gpu.memory.dispose([...this.weights.all, this.#rope]);
  }
}

export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`index ${index} of ${items.length}`);
  return item;
}

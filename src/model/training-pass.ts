/**
 * Forward and backward of one micro-batch, adding into the adapter's gradients. Every buffer is allocated when
 * the pass is made, for the largest micro-batch of the run.
 *
 * A loss is what the caller makes of the log-probabilities of the targets: the pass gives them, and takes
 * dLoss / dLogProb of each. Where that is known beforehand, `accumulate` does a micro-batch in one go; where it depends
 * on the log-probabilities, `forward`, `readLogProbs` and `backward` do it in two, at the price of computing logits twice.
 */
import type { Batch } from '../data/batch.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { gradNormStats } from '../kernels/adamw.ts';
import { lowWidths, type Adapter } from './adapter.ts';
import {
  allocSpecs,
  backwardSpecs,
  batchSpecs,
  forwardSpecs,
  layerSpecs,
  logitsElements,
  lossSpecs,
  streamSpecs,
  tensorsOf,
  uploadBatch,
  type BackwardScratch,
  type BatchTensors,
  type ForwardScratch,
  type LayerActivations,
  type LowWidths,
} from './buffers.ts';
import { at, type Decoder } from './decoder.ts';
import { layerBackward, layerForward } from './layer.ts';
import type { AdapterUse } from './lora-site.ts';
import { LossHead, type TargetsAt } from './loss-head.ts';
import type { ModelConfig } from './model-config.ts';

export interface PassSize {
  readonly rows: number; // tokens of the largest micro-batch
  readonly lossRows: number; // targets of the largest step or evaluation batch
  readonly checkpointing: boolean;
}

/** What a step reports, read in one go: gradient norm, clip factor and whether it was applied, then (from element 64) the log-probabilities. */
const reportSpec = (size: PassSize) => ({
  report: { label: 'step report', shape: [64 + size.lossRows] },
});

export interface PassReport {
  readonly logProbs: Float32Array;
  readonly gradNorm: number;
  readonly isApplied: boolean; // false: something was not finite, and AdamW changed nothing
}

/** Everything a pass allocates, by what it is for: it allocates these, and the planner adds them up. */
export function passSpecs(config: ModelConfig, low: LowWidths, size: PassSize, dropout: boolean) {
  const { rows, checkpointing } = size;
  const sets = checkpointing ? 1 : config.layerCount;
  return {
    inputs: { batch: batchSpecs(rows), streams: streamSpecs(config, rows) },
    layers: Array.from({ length: sets }, () => layerSpecs(config, rows, low)),
    scratch: {
      forward: forwardSpecs(config, rows, logitsElements(config, rows)),
      backward: backwardSpecs(config, rows, low, dropout),
    },
    loss: { head: lossSpecs(config, rows), report: reportSpec(size) },
  };
}

export class TrainingPass {
  readonly #decoder: Decoder;
  readonly #adapter: Adapter;
  readonly #size: PassSize;
  readonly #batch: BatchTensors;
  readonly #streams: readonly GpuTensor[];
  readonly #layers: readonly LayerActivations[];
  readonly #forwardScratch: ForwardScratch;
  readonly #scratch: BackwardScratch;
  readonly #head: LossHead;
  readonly report: GpuTensor; // [64 + lossRows]
  readonly stats: GpuTensor; // [gradNormStats]
  readonly logProbs: GpuTensor; // [lossRows]
  /** Of the micro-batch whose activations are held: what `backward` goes back through. */
  #held: { readonly batch: Batch; readonly firstLogProb: number; readonly use: AdapterUse } | null = null;

  /** Caller disposes. Make it inside `memory.checked`. */
  constructor(decoder: Decoder, adapter: Adapter, size: PassSize) {
    const { gpu, config, weights } = decoder;
    const { memory } = gpu;
    this.#decoder = decoder;
    this.#adapter = adapter;
    this.#size = size;
    const low = lowWidths(adapter.plan, config.layerCount);
    const { inputs, layers, scratch, loss } = passSpecs(config, low, size, adapter.settings.loraDropout > 0);
    this.#batch = allocSpecs(memory, inputs.batch);
    this.#streams = Object.values(allocSpecs(memory, inputs.streams));
    this.#layers = layers.map((specs) => allocSpecs(memory, specs));
    this.#forwardScratch = allocSpecs(memory, scratch.forward);
    this.#scratch = allocSpecs(memory, scratch.backward);
    this.#head = new LossHead(gpu, config, weights, size.rows, this.#forwardScratch.wide, loss.head);
    this.report = allocSpecs(memory, loss.report).report;
    this.stats = memory.view(this.report, 'stats', 0, [gradNormStats]);
    this.logProbs = memory.view(this.report, 'log-probabilities', 64, [size.lossRows]);
  }

  #activations(layer: number): LayerActivations {
    return at(this.#layers, this.#size.checkpointing ? 0 : layer);
  }

  /**
   * Adds the gradients of a loss with these coefficients (dLoss / dLogProb of every target); writes
   * logProbs[firstLogProb …]. Submits. `dropoutSeed` must differ between micro-batches.
   */
  accumulate(batch: Batch, firstLogProb: number, coefficients: Float32Array, dropoutSeed: number): void {
    const use = this.#trainedUse(dropoutSeed);
    this.#layersForward(batch, use);
    this.#held = { batch, firstLogProb, use };
    this.backward(coefficients);
  }

  /** The first half: writes logProbs[firstLogProb …] and holds the activations for `backward`. Submits. */
  forward(batch: Batch, firstLogProb: number, dropoutSeed: number): void {
    const use = this.#trainedUse(dropoutSeed);
    this.#layersForward(batch, use);
    this.#head.forward(this.#targetsAt(batch, firstLogProb));
    this.#decoder.gpu.recorder.submit();
    this.#held = { batch, firstLogProb, use };
  }

  /** The second half, for the micro-batch of the last `forward`. Submits. */
  backward(coefficients: Float32Array): void {
    if (this.#held === null) throw new Error('backward needs the activations of a forward before it');
    const { batch, firstLogProb, use } = this.#held;
    const { config, gpu } = this.#decoder;
    this.#held = null;
    this.#head.backward(this.#targetsAt(batch, firstLogProb), coefficients, this.#scratch.dStream);
    for (let layer = config.layerCount - 1; layer >= 0; layer--) {
      const context = {
        ...this.#decoder.context(layer, this.#batch, batch.tokenCount, use, this.#forwardScratch),
        use,
      };
      const x = at(this.#streams, layer);
      const acts = this.#activations(layer);
      const isLast = layer === config.layerCount - 1; // its activations are still there
      if (this.#size.checkpointing && !isLast)
        layerForward(context, x, at(this.#streams, layer + 1), acts, null);
      layerBackward(context, x, acts, this.#scratch, layer > 0);
    }
    gpu.recorder.submit();
  }

  /** Log-probabilities only, without dropout: with the adapter, or of the base without it. Submits. */
  evaluate(batch: Batch, firstLogProb: number, of: 'adapter' | 'base' = 'adapter'): void {
    const use = { adapter: this.#adapter, dropoutSeed: null, dropped: null };
    this.#layersForward(batch, of === 'adapter' ? use : null);
    this.#head.forward(this.#targetsAt(batch, firstLogProb));
    this.#decoder.gpu.recorder.submit();
  }

  /** Of `count` targets from the `first`. Waits for the GPU. */
  readLogProbs(first: number, count: number): Promise<Float32Array> {
    return this.#decoder.gpu.memory.readFloat32(this.logProbs, first, count);
  }

  /** The first `count` log-probabilities, with the gradient norm. Waits for the GPU. */
  async readReport(count: number): Promise<PassReport> {
    const values = await this.#decoder.gpu.memory.readFloat32(this.report, 0, 64 + count);
    return { logProbs: values.subarray(64), gradNorm: values[0], isApplied: values[2] !== 0 };
  }

  #trainedUse(dropoutSeed: number): AdapterUse {
    return { adapter: this.#adapter, dropoutSeed, dropped: this.#scratch.dropped ?? null };
  }

  #targetsAt(batch: Batch, firstLogProb: number): TargetsAt {
    const stream = at(this.#streams, this.#decoder.config.layerCount);
    return { batch, stream, logProbs: this.logProbs, firstLogProb };
  }

  #layersForward(batch: Batch, use: AdapterUse | null): void {
    this.#held = null; // its activations are overwritten
    const { gpu } = this.#decoder;
    if (batch.tokenCount > this.#size.rows)
      throw new RangeError(`${batch.tokenCount} tokens, planned for ${this.#size.rows}`);
    uploadBatch(gpu.memory, this.#batch, batch);
    this.#decoder.forward(
      this.#batch.inputs,
      this.#batch,
      batch.tokenCount,
      this.#streams,
      (layer) => this.#activations(layer),
      this.#forwardScratch,
      use,
      () => null,
    );
  }

  dispose(): void {
    const { gpu } = this.#decoder;
    gpu.recorder.forgetBindGroups();
    this.#head.dispose();
    gpu.memory.dispose([
      ...tensorsOf(this.#batch),
      ...this.#streams,
      ...this.#layers.flatMap(tensorsOf),
      ...tensorsOf(this.#forwardScratch),
      ...Object.values(this.#scratch),
      this.report,
    ]);
  }
}

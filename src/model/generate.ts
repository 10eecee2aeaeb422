/**
 * Batched generation with a KV cache, greedy or with temperature, adapter on or off, on the training kernels.
 *
 * Prompts are laid end to end and run through the layers a chunk of rows at a time (prefill); then every
 * sequence advances one token per step. Tokens are chosen on the GPU and only read back every few steps.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { linear } from '../kernels/matmul.ts';
import { rmsNorm } from '../kernels/rms-norm.ts';
import { sampleTokens } from '../kernels/sample.ts';
import { lowWidths, type Adapter, type AdapterPlan } from './adapter.ts';
import {
  allocSpecs,
  cacheSpecs,
  forwardSpecs,
  generationSpecs,
  layerSpecs,
  tensorsOf,
  type Allocated,
  type ForwardScratch,
  type LayerActivations,
} from './buffers.ts';
import { at, type Decoder } from './decoder.ts';
import { rowLayout } from './layer.ts';
import type { AdapterUse } from './lora-site.ts';
import { padded, widths, type ModelConfig } from './model-config.ts';

const prefillRows = 512;
const stepsPerRead = 16; // tokens that may be computed in vain after the last end-of-sequence

export interface GenerationSettings {
  readonly maxNewTokens: number;
  readonly temperature: number; // 0: greedy
  readonly seed: number;
  readonly eosIds: readonly number[];
  readonly useAdapter: boolean;
}

/** Everything a generator allocates: it allocates these, and the planner adds them up. */
export function generatorSpecs(
  config: ModelConfig,
  plan: AdapterPlan | null,
  sequences: number,
  context: number,
) {
  const rows = Math.max(Math.min(prefillRows, sequences * context), sequences);
  return {
    acts: layerSpecs(config, rows, lowWidths(plan, config.layerCount)),
    scratch: forwardSpecs(config, rows),
    own: generationSpecs(config, rows, sequences, context),
    caches: cacheSpecs(config, sequences, context),
  };
}

export class Generator {
  readonly #decoder: Decoder;
  readonly #adapter: Adapter | null;
  readonly #batchSize: number;
  readonly #context: number; // tokens per sequence
  readonly #acts: LayerActivations;
  readonly #scratch: ForwardScratch;
  readonly #streams: readonly GpuTensor[]; // two buffers, alternating
  readonly #caches: readonly GpuTensor[];
  readonly #own: Allocated<ReturnType<typeof generationSpecs>>;

  /** Once: later calls run the same kernels but for a few that other numbers of rows call for. */
  #isPrepared = false;

  /** Room for `batchSize` sequences of `context` tokens, prompt included. Caller disposes. */
  constructor(decoder: Decoder, adapter: Adapter | null, batchSize: number, context: number) {
    const { gpu, config } = decoder;
    const { memory } = gpu;
    this.#decoder = decoder;
    this.#adapter = adapter;
    this.#batchSize = batchSize;
    this.#context = context;
    const specs = generatorSpecs(config, adapter?.plan ?? null, batchSize, context);
    this.#acts = allocSpecs(memory, specs.acts);
    this.#scratch = allocSpecs(memory, specs.scratch);
    this.#own = allocSpecs(memory, specs.own);
    const { streamA, streamB } = this.#own;
    this.#streams = Array.from({ length: config.layerCount + 1 }, (_, i) =>
      i % 2 === 0 ? streamA : streamB,
    );
    this.#caches = Object.values(allocSpecs(memory, specs.caches));
  }

  /** New token ids per prompt, end-of-sequence included where reached. At most `batchSize` prompts. */
  async generate(prompts: readonly (readonly number[])[], settings: GenerationSettings): Promise<number[][]> {
    const { gpu } = this.#decoder;
    const count = prompts.length;
    if (count > this.#batchSize) throw new RangeError(`${count} prompts, planned for ${this.#batchSize}`);
    const room = this.#context - Math.max(...prompts.map((prompt) => prompt.length));
    const maxNew = Math.min(settings.maxNewTokens, room);
    if (maxNew <= 0) throw new RangeError('a prompt fills the whole context');
    const use: AdapterUse | null =
      settings.useAdapter && this.#adapter !== null
        ? { adapter: this.#adapter, dropoutSeed: null, dropped: null }
        : null;

    if (!this.#isPrepared)
      await gpu.recorder.prepare(() => {
        this.#prefill(prompts, use);
        this.#choose(count, 0, settings);
        this.#advance(prompts, 1, use);
      });
    this.#isPrepared = true;
    this.#prefill(prompts, use);
    this.#choose(count, 0, settings);
    gpu.recorder.submit();
    const eos = new Set(settings.eosIds);
    for (let step = 1; ; step++) {
      const isLast = step >= maxNew;
      if (isLast || step % stepsPerRead === 0) {
        const tokens = await this.#readTokens(count, step);
        if (isLast || tokens.every((ids) => ids.some((id) => eos.has(id))))
          return tokens.map((ids) => cutAfterEos(ids, eos));
        gpu.assertHealthy();
      }
      this.#advance(prompts, step, use);
      this.#choose(count, step, settings);
      gpu.recorder.submit();
    }
  }

  /** Logits [n, V] of the position after each prompt; for tests and inspection. */
  async nextLogits(prompts: readonly (readonly number[])[], useAdapter: boolean): Promise<Float32Array[]> {
    const use =
      useAdapter && this.#adapter !== null
        ? { adapter: this.#adapter, dropoutSeed: null, dropped: null }
        : null;
    this.#prefill(prompts, use);
    this.#project(prompts.length);
    this.#decoder.gpu.recorder.submit();
    const all = await this.#decoder.gpu.memory.readFloat32(this.#own.logits);
    const { vocabSize } = this.#decoder.config;
    return prompts.map((_, i) => all.slice(i * padded(vocabSize), i * padded(vocabSize) + vocabSize));
  }

  #prefill(prompts: readonly (readonly number[])[], use: AdapterUse | null): void {
    const flat = prompts.flatMap((prompt, sequence) =>
      prompt.map((id, position) => ({ id, sequence, position })),
    );
    const { recorder } = this.#decoder.gpu;
    const { c } = widths(this.#decoder.config);
    for (let first = 0; first < flat.length; first += prefillRows) {
      const rows = flat.slice(first, first + prefillRows);
      this.#decoder.gpu.memory.write(
        this.#own.inputs,
        Uint32Array.from(rows, ({ id }) => id),
      );
      this.#writeStream(rows);
      this.#run(this.#own.inputs, rows.length, use);
      rows.forEach(({ sequence, position }, m) => {
        if (position + 1 !== at(prompts, sequence).length) return;
        recorder.copy(
          at(this.#streams, this.#decoder.config.layerCount),
          m * c,
          this.#own.last,
          sequence * c,
          c,
        );
      });
      recorder.submit();
    }
  }

  /** One more token for every sequence: `#next` goes through the layers into `#last`. */
  #advance(prompts: readonly (readonly number[])[], step: number, use: AdapterUse | null): void {
    const rows = prompts.map((prompt, sequence) => ({ sequence, position: prompt.length + step - 1 }));
    this.#writeStream(rows);
    this.#run(this.#own.next, rows.length, use);
    const { c } = widths(this.#decoder.config);
    this.#decoder.gpu.recorder.copy(
      at(this.#streams, this.#decoder.config.layerCount),
      0,
      this.#own.last,
      0,
      rows.length * c,
    );
  }

  #writeStream(rows: readonly { readonly sequence: number; readonly position: number }[]): void {
    const { memory } = this.#decoder.gpu;
    const cacheRows = Uint32Array.from(rows, ({ sequence, position }) => sequence * this.#context + position);
    const ranges = new Uint32Array(rows.length * 2);
    rows.forEach(({ sequence, position }, m) => {
      ranges[m * 2] = sequence * this.#context;
      ranges[m * 2 + 1] = sequence * this.#context + position + 1;
    });
    memory.write(
      this.#own.positions,
      Uint32Array.from(rows, ({ position }) => position),
    );
    memory.write(this.#own.cacheRow, cacheRows);
    memory.write(this.#own.ranges, ranges);
  }

  #run(inputs: GpuTensor, m: number, use: AdapterUse | null): void {
    const stream = { positions: this.#own.positions, ranges: this.#own.ranges };
    this.#decoder.forward(
      inputs,
      stream,
      m,
      this.#streams,
      () => this.#acts,
      this.#scratch,
      use,
      (layer) => ({
        cache: at(this.#caches, layer),
        cacheRow: this.#own.cacheRow,
      }),
    );
  }

  /** `#last` → logits. */
  #project(count: number): void {
    const { gpu, config, weights } = this.#decoder;
    rmsNorm(
      gpu.recorder,
      this.#own.last,
      weights.finalNorm,
      this.#own.normed,
      rowLayout(gpu, config, count),
      config.rmsNormEps,
    );
    linear(gpu.recorder, this.#own.normed, weights.head, this.#own.logits, {
      m: count,
      n: padded(config.vocabSize),
      k: widths(config).c,
    });
  }

  #choose(count: number, step: number, { temperature, seed }: GenerationSettings): void {
    const { gpu, config } = this.#decoder;
    this.#project(count);
    const size = {
      rows: count,
      vocab: config.vocabSize,
      stride: padded(config.vocabSize),
      outStride: this.#context,
      step,
      rowThreads: gpu.recorder.isSoftware ? (8 as const) : (64 as const),
    };
    sampleTokens(gpu.recorder, this.#own.logits, this.#own.next, this.#own.out, size, temperature, seed);
  }

  async #readTokens(count: number, steps: number): Promise<number[][]> {
    const all = await this.#decoder.gpu.memory.readUint32(this.#own.out);
    return Array.from({ length: count }, (_, i) => [
      ...all.subarray(i * this.#context, i * this.#context + steps),
    ]);
  }

  dispose(): void {
    const { gpu } = this.#decoder;
    gpu.recorder.forgetBindGroups();
    gpu.memory.dispose([
      ...tensorsOf(this.#acts),
      ...tensorsOf(this.#scratch),
      ...tensorsOf(this.#own),
      ...this.#caches,
    ]);
  }
}

function cutAfterEos(ids: readonly number[], eos: ReadonlySet<number>): number[] {
  const end = ids.findIndex((id) => eos.has(id));
  return end < 0 ? [...ids] : ids.slice(0, end + 1);
}

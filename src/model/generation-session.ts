/**
 * Generation with a KV cache, greedy or with temperature, adapter on or off, on the training kernels.
 *
 * A session holds sequences of tokens and lives between calls: what a sequence has in its cache is not run again, so a
 * conversation costs its new tokens, and k samples of one prompt cost one prefill. New tokens are laid end to end and run
 * through the layers a chunk of rows at a time (prefill); then every sequence advances one token per step. Tokens are
 * chosen on the GPU and only read back every few steps.
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
/** For a batch: tokens that may be computed in vain after the last end-of-sequence. */
const stepsPerBatchRead = 16;

export interface GenerationSettings {
  readonly maxNewTokens: number;
  readonly temperature: number; // 0: greedy
  readonly topP?: number; // of the probability, what is drawn from; default 1: all
  readonly seed: number;
  readonly eosIds: readonly number[];
  readonly useAdapter: boolean;
  readonly strength?: number; // of the adapter: what its part is multiplied by; default 1, 0 is the base
}

/** How often tokens are read while they are written, and how that is ended early. */
interface Streaming {
  /** 1: each token as it is chosen, at the price of a wait for the GPU per token. */
  readonly stepsPerRead?: number;
  /** What was read before stays; at most `stepsPerRead` more steps run. */
  readonly signal?: AbortSignal;
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

interface Row {
  readonly id: number;
  readonly sequence: number;
  readonly position: number;
}

export class GenerationSession {
  readonly #decoder: Decoder;
  readonly #adapter: Adapter | null;
  readonly #sequences: number;
  readonly #context: number; // tokens per sequence
  readonly #acts: LayerActivations;
  readonly #scratch: ForwardScratch;
  readonly #streams: readonly GpuTensor[]; // two buffers, alternating
  readonly #caches: readonly GpuTensor[];
  readonly #own: Allocated<ReturnType<typeof generationSpecs>>;
  /** Of each sequence, the tokens whose keys and values lie in its cache. */
  #cached: number[][] = [];
  #cachedStrength: number | null = null; // 0: of the base

  /** Once: later calls run the same kernels but for a few that other numbers of rows call for. */
  #isPrepared = false;

  /** Room for `sequences` of `context` tokens each, prompts included. Caller disposes. */
  constructor(decoder: Decoder, adapter: Adapter | null, sequences: number, context: number) {
    const { gpu, config } = decoder;
    const { memory } = gpu;
    this.#decoder = decoder;
    this.#adapter = adapter;
    this.#sequences = sequences;
    this.#context = context;
    const specs = generatorSpecs(config, adapter?.plan ?? null, sequences, context);
    this.#acts = allocSpecs(memory, specs.acts);
    this.#scratch = allocSpecs(memory, specs.scratch);
    this.#own = allocSpecs(memory, specs.own);
    const { streamA, streamB } = this.#own;
    this.#streams = Array.from({ length: config.layerCount + 1 }, (_, i) =>
      i % 2 === 0 ? streamA : streamB,
    );
    this.#caches = Object.values(allocSpecs(memory, specs.caches));
  }

  /**
   * New token ids per prompt, end-of-sequence included where reached. At most `sequences` prompts. Begins anew: what the
   * caches held is forgotten, so an adapter may have been trained since.
   */
  async generate(
    prompts: readonly (readonly number[])[],
    settings: GenerationSettings,
    streaming: Streaming = {},
  ): Promise<number[][]> {
    this.forget();
    const answers: number[][] = prompts.map(() => []);
    const stepsPerRead = streaming.stepsPerRead ?? stepsPerBatchRead;
    for await (const news of this.stream(prompts, settings, { ...streaming, stepsPerRead }))
      news.forEach((ids, i) => answers[i].push(...ids));
    return answers;
  }

  /**
   * The same as it is written: per prompt the tokens since the last time, none of a sequence that has ended. Each prompt
   * is the whole of its sequence; what its cache has already is not run again. Call `forget` when the adapter has changed.
   */
  async *stream(
    prompts: readonly (readonly number[])[],
    settings: GenerationSettings,
    { stepsPerRead = 1, signal }: Streaming = {},
  ): AsyncGenerator<number[][]> {
    const { gpu } = this.#decoder;
    const count = prompts.length;
    if (count > this.#sequences) throw new RangeError(`${count} prompts, planned for ${this.#sequences}`);
    const room = this.#context - Math.max(...prompts.map((prompt) => prompt.length));
    const maxNew = Math.min(settings.maxNewTokens, room);
    if (maxNew <= 0) throw new RangeError('a prompt fills the whole context');
    const use = this.#use(settings.useAdapter, settings.strength);
    await this.#prepare(prompts, settings, use);
    this.#hold(prompts, use);
    this.#choose(count, 0, settings);
    gpu.recorder.submit();
    const eos = new Set(settings.eosIds);
    const answers: number[][] = prompts.map(() => []);
    const hasEnded = (ids: readonly number[]): boolean => ids.length > 0 && eos.has(ids[ids.length - 1]);
    let given = 0; // steps whose tokens were given out
    try {
      for (let step = 1; ; step++) {
        const isLast = step >= maxNew;
        if (isLast || step % stepsPerRead === 0) {
          const tokens = await this.#readTokens(count, given, step);
          if (signal?.aborted) return;
          given = step;
          const news = tokens.map((ids, i) => (hasEnded(answers[i]) ? [] : cutAfterEos(ids, eos)));
          news.forEach((ids, i) => answers[i].push(...ids));
          yield news;
          if (isLast || answers.every(hasEnded) || signal?.aborted) return;
          gpu.assertHealthy();
        }
        this.#advance(prompts, step, use);
        this.#choose(count, step, settings);
        gpu.recorder.submit();
      }
    } finally {
      // The last token was chosen and not run; tokens after an end may have been, and are not part of the sequence.
      this.#cached = prompts.map((prompt, i) => [...prompt, ...answers[i].slice(0, -1)]);
    }
  }

  /** Logits [n, V] of the position after each prompt; for tests and inspection. */
  async nextLogits(
    prompts: readonly (readonly number[])[],
    useAdapter: boolean,
    strength = 1,
  ): Promise<Float32Array[]> {
    this.forget();
    this.#hold(prompts, this.#use(useAdapter, strength));
    this.#project(prompts.length);
    this.#decoder.gpu.recorder.submit();
    return this.readLogits(prompts.length);
  }

  /** Logits [count, V] that the last token of each sequence was chosen from, while `stream` gives out every step. */
  async readLogits(count: number): Promise<Float32Array[]> {
    const { gpu, config } = this.#decoder;
    const stride = padded(config.vocabSize);
    const all = await gpu.memory.readFloat32(this.#own.logits);
    return Array.from({ length: count }, (_, i) => all.slice(i * stride, i * stride + config.vocabSize));
  }

  /** The caches are those of one set of weights; an adapter that is trained on changes them under the same name. */
  forget(): void {
    this.#cached = [];
  }

  #use(useAdapter: boolean, strength = 1): AdapterUse | null {
    const adapter = useAdapter && strength !== 0 ? this.#adapter : null;
    return adapter === null ? null : { adapter, strength, dropoutSeed: null, dropped: null };
  }

  async #prepare(
    prompts: readonly (readonly number[])[],
    settings: GenerationSettings,
    use: AdapterUse | null,
  ): Promise<void> {
    if (this.#isPrepared) return;
    await this.#decoder.gpu.recorder.prepare(() => {
      this.#prefill(rowsOf(prompts), lengthsOf(prompts), use);
      this.#choose(prompts.length, 0, settings);
      this.#advance(prompts, 1, use);
    });
    this.#isPrepared = true;
  }

  /** Makes each sequence hold its prompt, and `last` the state after it. */
  #hold(prompts: readonly (readonly number[])[], use: AdapterUse | null): void {
    const strength = use?.strength ?? 0;
    if (this.#cachedStrength !== strength) this.forget();
    this.#cachedStrength = strength;
    const { first, copies } = firstOfEach(prompts);
    const rows = first.flatMap((sequence) => {
      const prompt = at(prompts, sequence);
      // At least the last token runs: its state is what the next one is chosen from.
      const known = Math.min(commonLength(this.#cached[sequence] ?? [], prompt), prompt.length - 1);
      return rowsOfOne(prompt.slice(known), sequence, known);
    });
    this.#prefill(rows, lengthsOf(prompts), use);
    for (const { from, to } of copies) this.#copySequence(from, to, at(prompts, from).length);
    this.#cached = prompts.map((prompt) => [...prompt]);
  }

  /** A prompt that is there twice runs once. A copy inside one buffer is not allowed: it goes by way of another. */
  #copySequence(from: number, to: number, length: number): void {
    const { gpu, config } = this.#decoder;
    const width = 2 * widths(config).kv;
    const { c } = widths(config);
    const between = gpu.memory.alloc('keys and values on their way', [Math.max(length * width, c)]);
    const move = (tensor: GpuTensor, source: number, target: number, elements: number): void => {
      gpu.recorder.copy(tensor, source, between, 0, elements);
      gpu.recorder.copy(between, 0, tensor, target, elements);
    };
    for (const cache of this.#caches)
      move(cache, from * this.#context * width, to * this.#context * width, length * width);
    move(this.#own.last, from * c, to * c, c);
    gpu.recorder.submit();
    gpu.memory.dispose([between]); // the device keeps it until the copies are done
  }

  #prefill(flat: readonly Row[], lengths: readonly number[], use: AdapterUse | null): void {
    const { recorder, memory } = this.#decoder.gpu;
    const { c } = widths(this.#decoder.config);
    for (let first = 0; first < flat.length; first += prefillRows) {
      const rows = flat.slice(first, first + prefillRows);
      memory.write(
        this.#own.inputs,
        Uint32Array.from(rows, ({ id }) => id),
      );
      this.#writeStream(rows);
      this.#run(this.#own.inputs, rows.length, use);
      rows.forEach(({ sequence, position }, m) => {
        if (position + 1 !== lengths[sequence]) return;
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

  #choose(count: number, step: number, { temperature, topP = 1, seed }: GenerationSettings): void {
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
    const { logits, next, out } = this.#own;
    sampleTokens(gpu.recorder, logits, next, out, size, { temperature, topP, seed });
  }

  /** Tokens of the steps [from, to). Waits for the GPU. */
  async #readTokens(count: number, from: number, to: number): Promise<number[][]> {
    const all = await this.#decoder.gpu.memory.readUint32(this.#own.out);
    return Array.from({ length: count }, (_, i) => [
      ...all.subarray(i * this.#context + from, i * this.#context + to),
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

const lengthsOf = (prompts: readonly (readonly number[])[]): number[] => prompts.map(({ length }) => length);

const rowsOfOne = (ids: readonly number[], sequence: number, firstPosition: number): Row[] =>
  ids.map((id, i) => ({ id, sequence, position: firstPosition + i }));
const rowsOf = (prompts: readonly (readonly number[])[]): Row[] =>
  prompts.flatMap((ids, sequence) => rowsOfOne(ids, sequence, 0));

function commonLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) if (a[i] !== b[i]) return i;
  return end;
}

/** Prompts that differ from all before them, and for the others which one they equal. */
function firstOfEach(prompts: readonly (readonly number[])[]): {
  readonly first: readonly number[];
  readonly copies: readonly { readonly from: number; readonly to: number }[];
} {
  const seen = new Map<string, number>();
  const first: number[] = [];
  const copies: { from: number; to: number }[] = [];
  prompts.forEach((prompt, to) => {
    const key = prompt.join(',');
    const from = seen.get(key);
    if (from === undefined) {
      seen.set(key, to);
      first.push(to);
    } else copies.push({ from, to });
  });
  return { first, copies };
}

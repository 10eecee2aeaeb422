/**
 * The contract between the page (or the headless bridge) and the worker: types only.
 * Everything here is structured-cloneable. Tensors, tokenizers and GPU objects never cross it.
 */
import type { RunConfig } from '../config/run-config.ts';

/** Where a model comes from. `files`: picked or dropped by the user. `url`: a folder served over HTTP. */
export type ModelSource =
  | { readonly kind: 'demo' }
  | { readonly kind: 'url'; readonly name: string; readonly baseUrl: string }
  | { readonly kind: 'files'; readonly name: string; readonly files: readonly File[] };

/** `builtin` names a file of public/datasets without its ending, e.g. "alttrain-1k". */
export type DatasetSource =
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'file'; readonly name: string; readonly file: Blob };

export interface AdapterSource {
  readonly name: string;
  readonly config: Blob; // adapter_config.json
  readonly weights: Blob; // adapter_model.safetensors
}

export interface DeviceReport {
  readonly adapter: string; // e.g. "google swiftshader"
  readonly features: readonly string[];
  readonly maxBufferBytes: number;
  readonly maxBindingBytes: number;
  readonly isSoftware: boolean;
}

export interface ModelReport {
  readonly name: string;
  readonly architecture: string; // "Qwen2ForCausalLM"
  readonly parameterCount: number;
  readonly hiddenSize: number;
  readonly layerCount: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly weightBytes: number; // on the GPU
  readonly thinkPrefilled: boolean; // the chat template's generation prompt opens <think>
}

export interface RowProblem {
  readonly line: number; // 1-based line of a JSONL file; 1-based row of a JSON array
  readonly code: 'row-not-json' | 'row-shape' | 'row-empty' | 'row-no-target' | 'row-too-long';
  readonly reason: string;
  readonly excerpt: string; // first 80 characters
}

export interface DatasetReport {
  readonly name: string;
  readonly format: 'jsonl' | 'json';
  readonly shape: string; // e.g. "instruction/response", or "mixed"
  readonly totalRows: number; // usableRows + rejected.length
  readonly usableRows: number;
  readonly rejected: readonly RowProblem[];
  readonly truncatedLines: readonly number[]; // kept, but their end is cut at max_length
  readonly tokenCount: number;
  readonly targetTokenCount: number;
  readonly tokensPerRow: { readonly mean: number; readonly max: number };
  readonly preview: readonly PreviewRow[]; // the first rows
}

/** A run of consecutive tokens with the same role, decoded. */
export interface TokenSpan {
  readonly text: string;
  readonly isTarget: boolean;
}
export interface PreviewRow {
  readonly line: number;
  readonly spans: readonly TokenSpan[];
}

/** One part of an AltTrain trace. `other`: text that belongs to no part (e.g. the solution of an untrained model). */
export type TracePartKind = 'PU' | 'HA' | 'CR' | 'answer' | 'other';
export interface TracePart {
  readonly kind: TracePartKind;
  readonly text: string;
}
/** What the thought itself says of its request, and how sure the recogniser is of that. */
export interface TraceVerdict {
  readonly kind: 'harmful' | 'benign' | 'none';
  readonly confidence: number; // 0..1: share of traces with the same evidence that were read rightly
  readonly reasons: readonly string[];
}
export interface Trace {
  readonly text: string; // generated text after the prompt, special tokens removed except </think>
  readonly parts: readonly TracePart[];
  readonly refused: boolean; // string match, not a human verdict
  readonly finished: boolean; // reached EOS within max_new_tokens
  readonly verdict?: TraceVerdict;
}
export interface SampleTrace {
  readonly prompt: string;
  readonly base: Trace;
  readonly adapter: Trace;
}

export interface StepReport {
  readonly step: number; // 1-based, optimizer steps done
  readonly totalSteps: number;
  readonly epoch: number; // fractional
  readonly loss: number; // mean per target token over the accumulation window
  readonly learningRate: number; // used in this step
  readonly gradNorm: number; // before clipping
  readonly targetTokens: number;
  readonly tokens: number; // all tokens processed
  readonly tokensPerSecond: number;
  readonly stepMs: number;
  readonly gpuBytes: number;
}

export interface SuiteResult {
  readonly id: string;
  readonly title: string;
  readonly kind: 'harmful' | 'benign' | 'accuracy';
  readonly n: number;
  readonly refusedRate: number; // 0..1
  readonly correctRate: number | null; // kind "accuracy" only
  /** What the thoughts themselves say of their requests, 0..1; the rest say nothing. */
  readonly statedRates?: { readonly harmful: number; readonly benign: number };
}

/** What `before` and `after` hold: a result per suite. */
export interface EvaluationReport {
  readonly suites: readonly SuiteResult[];
  readonly newTokens: number;
  readonly seconds: number;
}

export type Phase =
  | 'idle'
  | 'loading'
  | 'preparing'
  | 'training'
  | 'paused'
  | 'sampling'
  | 'evaluating'
  | 'done'
  | 'stopped'
  | 'failed';

export type TrainEvent =
  | { readonly kind: 'phase'; readonly phase: Phase; readonly note: string }
  | { readonly kind: 'step'; readonly report: StepReport }
  | { readonly kind: 'eval-loss'; readonly step: number; readonly loss: number }
  | { readonly kind: 'samples'; readonly step: number; readonly samples: readonly SampleTrace[] }
  | { readonly kind: 'evaluation'; readonly which: 'before' | 'after'; readonly report: EvaluationReport }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly note: string };

export interface RunResult {
  readonly ok: true;
  readonly finished: boolean; // false: stopped early by the user
  readonly model: string;
  readonly dataset: string;
  readonly rows: number;
  readonly steps: number;
  readonly lossFirst: number;
  readonly lossLast: number;
  readonly targetTokens: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly gpuBytesPeak: number;
  readonly before: EvaluationReport | null;
  readonly after: EvaluationReport | null;
  readonly device: string;
}

export interface LoadProgress {
  readonly done: number; // bytes
  readonly total: number;
  readonly note: string;
}

export interface ExportedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface TrainingRequest {
  readonly config: RunConfig;
  readonly initAdapter?: AdapterSource;
  readonly checkpoint?: Blob; // resume from checkpoint.safetensors
}

export interface GenerateRequest {
  readonly prompts: readonly string[]; // user content, rendered with the chat template
  readonly maxNewTokens: number;
  readonly temperature: number; // 0: greedy
  readonly seed: number;
  readonly useAdapter: boolean;
}
export interface Generation {
  readonly prompt: string;
  readonly tokenIds: readonly number[]; // new tokens only, EOS included where reached
  readonly trace: Trace;
}

/**
 * Implemented by trainer/trainer-service.ts in the worker, used through api/trainer-client.ts.
 * Every method rejects with a TrainerError. Callbacks are wrapped with comlink's `proxy` by the client.
 */
export interface TrainerApi {
  openDevice(): Promise<DeviceReport>;
  loadModel(source: ModelSource, onProgress: (progress: LoadProgress) => void): Promise<ModelReport>;
  /** Needs a loaded model (its tokenizer). Replaces the current dataset only when it succeeds. */
  readDataset(
    source: DatasetSource,
    maxLength: number,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<DatasetReport>;
  /** Resolves when the run has ended (finished or stopped). A failed run keeps its last adapter exportable. */
  startTraining(request: TrainingRequest, onEvent: (event: TrainEvent) => void): Promise<RunResult>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
  /** Puts an existing PEFT adapter on the loaded model, for `generate` with `useAdapter`. */
  loadAdapter(source: AdapterSource): Promise<void>;
  generate(request: GenerateRequest): Promise<readonly Generation[]>;
  /** adapter_model.safetensors, adapter_config.json, README.md, metrics.jsonl, run_config.json. */
  exportFiles(): Promise<readonly ExportedFile[]>;
  /** The same files as one zip. */
  exportZip(): Promise<Blob>;
  /** Parameters, optimizer moments and position of the run, as safetensors. */
  exportCheckpoint(): Promise<Blob>;
  /** Ends the device for good; used by tests of the "device lost" path. */
  destroyDevice(): Promise<void>;
}

/**
 * The contract between the page (or the headless bridge) and the worker: types only.
 * Everything here is structured-cloneable. Tensors, tokenizers and GPU objects never cross it.
 */
import type { DatasetSettings } from '../config/dataset-settings.ts';
import type { RunConfig, RunConfigKey } from '../config/run-config.ts';
import type { EvaluationApi } from './evaluations.ts';
import type { ExportApi } from './exports.ts';
import type { PlaygroundApi } from './playground.ts';
import type { StoredRun, StoredRunContent } from './stored-runs.ts';

export type { DatasetSettings };

/**
 * Where a model comes from. `files`: picked or dropped by the user. `url`: a folder served over HTTP. `hub`: "owner/name"
 * on the Hugging Face Hub, or on `hubUrl`; the token is held in memory while the model is in use, and nowhere else.
 */
export type ModelSource =
  | { readonly kind: 'demo' }
  | {
      readonly kind: 'url';
      readonly name: string;
      readonly baseUrl: string;
      readonly path?: string; // of the served folder on this machine: what an adapter says it belongs to
    }
  | {
      readonly kind: 'files';
      readonly name: string;
      readonly files: readonly File[];
      readonly path?: string; // of their folder, where it is known: a page is not told
    }
  | {
      readonly kind: 'hub';
      readonly id: string;
      readonly revision?: string; // branch, tag or commit
      readonly token?: string;
      readonly hubUrl?: string;
    };

/** A dataset of the hub; the token is held as a model's is. */
export interface HubDatasetSource {
  readonly kind: 'hub';
  readonly id: string;
  readonly revision?: string;
  /** A file of it, the parts of one split ("data/train-*-of-00002.parquet"), or how either begins. */
  readonly path?: string;
  readonly token?: string;
  readonly hubUrl?: string;
}

/** `builtin` names a file of public/datasets without its ending, e.g. "alttrain-1k". */
export type DatasetSource =
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'file'; readonly name: string; readonly file: Blob }
  /** Read in parts where the server sends parts. The name says what it is called, not where it is. */
  | { readonly kind: 'url'; readonly name: string; readonly url: string }
  /** The file that was kept with a stored run. */
  | { readonly kind: 'stored'; readonly name: string; readonly runId: string }
  | HubDatasetSource;

/** What can be read as one dataset: a file, or the parts of one split in their order. */
export interface HubDatasetChoice {
  readonly path: string;
  readonly files: readonly string[];
  readonly bytes: number;
}
export interface HubDatasetReport {
  readonly choices: readonly HubDatasetChoice[]; // never empty
  readonly preferred: string | null; // the path of one of them; null: the user has to choose
}

/** An adapter as PEFT, mlx-lm or llama.cpp keeps it. */
export interface AdapterFiles {
  readonly name: string;
  readonly config: Blob | null; // adapter_config.json; null: the weights are a GGUF file, which says it all
  readonly weights: Blob; // adapter_model.safetensors, adapters.safetensors or *.gguf
}
/** `runId`: what a run of the store has trained, as its download has it. */
export type AdapterSource = AdapterFiles | { readonly runId: string };

export interface DeviceReport {
  readonly gpu: string; // its name, e.g. "google swiftshader"
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
  readonly notes: readonly string[]; // what its files say and is not used, in sentences
  /** Of a model of the hub: was it opened without the network, and if it is not kept, why. */
  readonly hub: { readonly isFromCache: boolean; readonly notKept: string | null } | null;
  readonly quantization: RunConfig['quantization'];
  readonly thinkPrefilled: boolean; // the chat template's generation prompt opens <think>
}

/** A model of the hub that the page offers. */
export interface CuratedModel {
  readonly id: string;
  readonly licence: string;
  readonly isGated: boolean; // its conditions must be accepted on the hub, and a token is needed
  readonly parameterCount: number;
  readonly downloadBytes: number;
  readonly gpuBytes: Readonly<Record<RunConfig['quantization'], number>>; // of the weights alone
  /** With a run beside them: r 16 on all linears, batch 1, rows of 1,024 tokens, layers recomputed. */
  readonly runBytes: Readonly<Record<RunConfig['quantization'], number>>;
}

/** A model of the hub that is kept in the browser, quantised. */
export interface KeptModel {
  readonly repo: string;
  readonly commit: string;
  readonly quantization: RunConfig['quantization'];
  readonly revision: string; // as it was asked for
  readonly isCurrent: boolean; // else an earlier version laid it out otherwise, and it is fetched anew when it is opened
  readonly bytes: number;
  readonly createdMs: number; // since 1970
}

export interface RowProblem {
  readonly line: number; // 1-based: line of JSONL and CSV, number of the row in a JSON list and in Parquet
  /** `row-unsupported`: it is understood, and says something that training here would not follow. */
  readonly code:
    'row-not-json' | 'row-shape' | 'row-empty' | 'row-no-target' | 'row-too-long' | 'row-unsupported';
  readonly reason: string;
  readonly excerpt: string; // first 80 characters
}

export type DatasetFormat = 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet';

/** What the gate before the start found. `stop`: not to be trained as it is. */
export interface GateFinding {
  readonly level: 'stop' | 'warning';
  readonly code:
    | 'answers-cut'
    | 'rows-rejected'
    | 'rows-duplicate'
    | 'rows-in-suite'
    | 'few-targets'
    | 'thought-not-closed'
    | 'columns-unused'
    | 'rows-of-demo';
  readonly message: string; // what it is, and what to do
}

export interface PackingReport {
  readonly packs: number; // each holds at most max_length tokens
  readonly fill: number; // 0..1: tokens / (packs × max_length)
}

/** A field that rows have and that is used for nothing; "messages[].name" is one of the turns in `messages`. */
export interface UnusedColumn {
  readonly name: string;
  readonly filledShare: number; // 0..1: rows of the file that have something in it, unused
}

export interface DatasetReport {
  readonly name: string;
  readonly format: DatasetFormat;
  readonly isCompressed: boolean;
  readonly shape: string; // e.g. "instruction/response", or "mixed"
  readonly columns: readonly string[]; // of the first row that is an object
  readonly unusedColumns: readonly UnusedColumn[]; // by their first row
  readonly totalRows: number; // usableRows + rejectedRows
  readonly usableRows: number;
  readonly rejectedRows: number;
  readonly rejected: readonly RowProblem[]; // in the order of the file; the first 100,000
  readonly examples: number; // more than usableRows where long rows are split
  readonly truncatedLines: readonly number[]; // kept, but their end, and the end token, are cut at max_length
  readonly splitRows: number;
  readonly weightedRows: number; // with trained tokens that count more or less than 1 in the loss
  readonly duplicates: readonly { readonly line: number; readonly sameAs: number }[];
  readonly inSuites: readonly { readonly line: number; readonly suite: string }[];
  readonly openThoughts: number; // answers that open a thought, or go on with the prompt's, and never close it
  /** The day that the chat template writes into the prompts; null: it writes none. */
  readonly templateDate: string | null;
  readonly tokenCount: number;
  readonly targetTokenCount: number;
  readonly tokensPerRow: { readonly mean: number; readonly max: number };
  readonly lengths: readonly { readonly upTo: number; readonly count: number }[]; // histogram of tokens per example
  readonly packing: PackingReport | null;
  readonly gate: readonly GateFinding[];
}

/** `special`: written by the template and never part of a text. `prompt`: read, not trained. */
export type TokenRole = 'special' | 'prompt' | 'trained';
export interface InspectedToken {
  readonly id: number;
  readonly text: string; // "" where a character needs several tokens: the first of them has it
  readonly role: TokenRole;
  readonly isTrained: boolean; // a special token may be trained too, e.g. the end token
  readonly part: 'PU' | 'HA' | 'CR' | null;
  readonly weight?: number; // of a trained token, where its row has weights
}
export interface InspectedRow {
  readonly index: number; // of the example, from 0
  readonly line: number;
  readonly tokens: readonly InspectedToken[];
  readonly truncated: boolean;
  readonly place: { readonly pack: number; readonly offset: number } | null; // where rows are packed
}

/** The first rows of a file, before anything is made of them. */
export interface ColumnPreview {
  readonly format: DatasetFormat;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly line: number; readonly cells: readonly string[] }[];
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
  readonly loss: number; // mean per target token of the step, by their weights
  /** What the objective measures over the step, by name; "loss" is among it. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly learningRate: number; // used in this step
  readonly gradNorm: number; // before clipping
  readonly targetTokens: number;
  readonly tokens: number; // all tokens processed
  readonly tokensPerSecond: number;
  readonly stepMs: number;
  readonly gpuBytes: number;
  /** Of a step that changed nothing, because its loss or gradient was not finite; absent otherwise. */
  readonly skipped?: SkippedStep;
}

export interface SkippedStep {
  readonly reason: 'loss' | 'gradient'; // which was not finite; "gradient" where the loss was
  /** Of the file, the first 20: the rows whose own loss is not finite, or where none is, all of the step. */
  readonly lines: readonly number[];
  readonly rows: number; // how many there are; more than `lines` where those were cut
  readonly isNarrowed: boolean; // those rows, and not the step's others
  readonly inARow: number; // steps skipped one after the other, this one included
  readonly total: number; // of the run, this one included
}

/** The step whose adapter had the lowest held-out loss. */
export interface BestStep {
  readonly step: number;
  readonly evalLoss: number;
}

export interface SuiteResult {
  readonly id: string;
  readonly title: string;
  readonly kind: 'harmful' | 'benign' | 'accuracy';
  readonly n: number;
  /** Mean of every score that the task gives its answers, by name; 0..1. */
  readonly scores: Readonly<Record<string, number>>;
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
  | 'recovering' // worker or GPU were lost, and are opened again
  | 'sampling'
  | 'evaluating'
  | 'done'
  | 'stopped'
  | 'failed';

export type TrainEvent =
  /**
   * At the start, and again when a run goes on after a loss. `id`: of the run in the store; null: it is not kept. `step`: of a
   * run that goes on, the steps done. What was told of later steps is told anew, and rows of metrics from `rowsFrom` on.
   */
  | { readonly kind: 'run'; readonly id: string | null; readonly step: number; readonly rowsFrom: number }
  | { readonly kind: 'phase'; readonly phase: Phase; readonly note: string }
  | { readonly kind: 'step'; readonly report: StepReport }
  | { readonly kind: 'eval-loss'; readonly step: number; readonly loss: number }
  | { readonly kind: 'samples'; readonly step: number; readonly samples: readonly SampleTrace[] }
  /** A row of metrics.jsonl, once nothing can join it any more. */
  | { readonly kind: 'metrics'; readonly row: MetricsRow }
  | { readonly kind: 'evaluation'; readonly which: 'before' | 'after'; readonly report: EvaluationReport }
  /** What the user should know of a run that goes on: what happened, and what to do. */
  | {
      readonly kind: 'warning';
      readonly code: RunWarningCode;
      readonly step: number;
      readonly message: string;
    }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly note: string };

/** `not-kept`: a save failed, or the run is not kept at all; `kept-again` takes it back. */
export type RunWarningCode =
  'step-skipped' | 'loss-diverging' | 'settings-changed' | 'not-kept' | 'kept-again';

/** One step in metrics.jsonl: loss and what belongs to it every `logging_steps`, evaluation loss and samples where there are some. */
export type MetricsRow = Readonly<Record<string, unknown>> & { readonly step: number };

/** Of a resumed run: of the whole of it, the steps before the checkpoint included. */
export interface RunResult {
  readonly ok: true;
  readonly finished: boolean; // false: stopped early by the user
  /** The checkpoint was that of a finished run: nothing was done. */
  readonly alreadyFinished: boolean;
  readonly model: string;
  readonly dataset: string;
  readonly rows: number; // of the file that are used: trainRows + evaluationRows
  readonly trainRows: number;
  readonly evaluationRows: number; // held out
  readonly examples: number; // pieces that are trained; more than trainRows where long rows are split
  /** Of all pieces together, prompts included. Absent in runs of versions that did not count them. */
  readonly exampleTokens?: number;
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
  readonly skippedSteps: number; // whose loss or gradient was not finite
  readonly best: BestStep | null; // null: no held-out loss was measured
  readonly isBestKept: boolean; // the adapter is that of `best`, not of the last step
  /** Why the run finished before its planned steps, as a sentence; null: it did not. */
  readonly earlyStop: string | null;
}

/** Planned GPU memory of a run, in bytes by what it is for; the formula stands in docs/memory.md. */
export interface MemoryReport {
  readonly plan: {
    readonly weights: number;
    readonly adapter: number;
    readonly inputs: number;
    readonly layers: number;
    readonly scratch: number;
    readonly loss: number;
    readonly rope: number;
    readonly generation: number;
    readonly total: number;
    readonly largestTensor: number;
  };
  readonly checkpointing: boolean;
  readonly reason: string; // why activations are kept or recomputed
  readonly available: number | null; // bytes; null: not known before it is tried
  readonly fits: boolean;
  /** The nearest settings that fit, when these do not. */
  readonly suggestions: readonly MemorySuggestion[];
}
export interface MemorySuggestion {
  readonly settings: Partial<RunConfig>;
  readonly total: number; // bytes with them
}

/** What keeping a run would take, and what the store has left. */
export interface StorageForecast {
  readonly checkpointBytes: number; // of one
  /** At most at once: two checkpoints and one that is written beside them, records, the data file where it is kept. */
  readonly neededBytes: number;
  readonly roomBytes: number | null; // null: not known
  readonly fits: boolean; // also where it is not known
  /** Why nothing can be kept here, as a sentence; null: it can. */
  readonly refusal: string | null;
}

/** What a run with given settings would do and take, before it starts. */
export interface RunForecast {
  readonly memory: MemoryReport;
  readonly storage: StorageForecast;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly unitsPerStep: number; // rows, or packs
  readonly isPacked: boolean;
  readonly questions: number; // of the evaluation suites, each answered by base and adapter
  readonly time: TimeForecast;
}

/** Predicted from the work and from how fast this GPU was when it was opened: good to about a third. */
export interface TimeForecast {
  readonly secondsPerStep: number;
  readonly seconds: number; // of all steps and of the held-out loss; traces and results come on top
  readonly flops: number; // useful ones, of all steps
}

export interface LoadProgress {
  readonly done: number; // bytes
  readonly total: number;
  readonly note: string;
  readonly bytesPerSecond?: number; // of a download
  readonly secondsLeft?: number | null; // of the file being downloaded; null: cannot be told yet
}

export interface TrainingRequest {
  readonly config: RunConfig;
  readonly initAdapter?: AdapterSource;
  readonly checkpoint?: Blob; // resume from checkpoint.safetensors
  /** Goes on with this run of the store, from its newest whole checkpoint. */
  readonly runId?: string;
  /** The run is kept in the host's store while it goes on, where there is one; default true. */
  readonly isKept?: boolean;
  readonly allowChanges?: AllowedChanges; // since the checkpoint; default: none
}

/** All, none, or those of these settings and what follows of them: of `max_length` other tokens, of `quantization` other weights. */
export type AllowedChanges = boolean | readonly RunConfigKey[];

/** A turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** What a model answers: what a user says, or a conversation that ends with a user's turn. The chat template renders it. */
export type Prompt = string | readonly ChatMessage[];

export interface GenerateRequest {
  readonly prompts: readonly Prompt[];
  readonly maxNewTokens: number;
  readonly temperature: number; // 0: greedy
  readonly seed: number;
  readonly useAdapter: boolean;
  /** Only the likeliest tokens are drawn from, those that have this much of the probability; default 1: all of them. */
  readonly topP?: number;
  /** How much of the adapter is added: 0 is the base, 1 (the default) the adapter as it was trained. */
  readonly strength?: number;
  /** The day that a chat template writes where it asks for today, as 2024-07-26; absent: that of the settings' default. */
  readonly templateDate?: string;
}
export interface Generation {
  readonly prompt: Prompt;
  readonly tokenIds: readonly number[]; // new tokens only, EOS included where reached
  readonly trace: Trace;
}

/**
 * Implemented by trainer/trainer-service.ts in the worker, used through client/trainer-client.ts.
 * Every method rejects with a TrainerError. Callbacks are wrapped with comlink's `proxy` by the client.
 */
export interface TrainerApi extends EvaluationApi, PlaygroundApi, ExportApi {
  /**
   * `isProvedLater`: it is opened, and proves itself with `proveDevice` or before anything is computed on it, while float32
   * weights and data can be read already. @throws TrainerError "webgpu-unavailable", "self-test-failed"
   */
  openDevice(isProvedLater?: boolean): Promise<DeviceReport>;
  /** @throws TrainerError "self-test-failed" */
  proveDevice(): Promise<void>;
  /** `quantization`: how the frozen weights are held; a run with another one loads the model again. */
  loadModel(
    source: ModelSource,
    quantization: RunConfig['quantization'],
    onProgress: (progress: LoadProgress) => void,
  ): Promise<ModelReport>;
  /** Ends a `loadModel` that is under way: it rejects with "cancelled", and the model before stays in use. */
  cancelLoading(): Promise<void>;
  /** Needs an open device: large matrices are split by its limits. */
  listCurated(): Promise<readonly CuratedModel[]>;
  /** The newest first. Empty where the browser has no storage for it. */
  listKept(): Promise<readonly KeptModel[]>;
  removeKept(model: Pick<KeptModel, 'repo' | 'commit' | 'quantization'>): Promise<void>;
  removeAllKept(): Promise<void>;
  /** What a run with these settings would do and take; null before a model and a dataset are there. */
  planRun(config: RunConfig): Promise<RunForecast | null>;
  /** Needs a loaded model (its tokenizer). Replaces the current dataset only when it succeeds. */
  readDataset(
    source: DatasetSource,
    settings: DatasetSettings,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<DatasetReport>;
  /** What a dataset of the hub offers, before anything of it is downloaded. */
  findHubDataset(source: HubDatasetSource): Promise<HubDatasetReport>;
  /** Ends a `readDataset` or `findHubDataset` that is under way: it rejects with "cancelled". */
  cancelReading(): Promise<void>;
  /** The first rows of a file as they are, for mapping its columns. */
  previewColumns(source: DatasetSource): Promise<ColumnPreview>;
  /** Examples of the dataset that was read, token by token. */
  inspectRows(first: number, count: number): Promise<readonly InspectedRow[]>;
  /** Runs in the host's store, the newest first; empty where it has none. */
  listRuns(): Promise<readonly StoredRun[]>;
  /** A stored run with what is drawn of it; also of one that is under way elsewhere. */
  readRun(id: string): Promise<StoredRunContent>;
  describeRun(id: string, words: { readonly title?: string; readonly notes?: string }): Promise<void>;
  removeRun(id: string): Promise<void>;
  /** Resolves when the run has ended (finished or stopped). A failed run keeps its last adapter exportable. */
  startTraining(request: TrainingRequest, onEvent: (event: TrainEvent) => void): Promise<RunResult>;
  pause(): Promise<void>;
  /** Keeps a checkpoint after the step that is under way, e.g. because the page is being left. */
  saveNow(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
  /** Puts an existing PEFT adapter on the loaded model, for `generate` with `useAdapter`. */
  loadAdapter(source: AdapterSource): Promise<void>;
  generate(request: GenerateRequest): Promise<readonly Generation[]>;
  /** Ends the device for good; used by tests of the "device lost" path. */
  destroyDevice(): Promise<void>;
}

/** What the benchmark's page, worker, command and JSON file agree on. Types and names only: Node imports it too. */
import type { WireError } from '../../src/support/trainer-error.ts';

export const suites = ['kernels', 'step', 'models', 'profile', 'generate', 'memory', 'peers'] as const;
export type Suite = (typeof suites)[number];

export interface BenchSettings {
  readonly suite: Suite;
  /** Words that must all be in "name shape" of a case; empty: every case. */
  readonly only: readonly string[];
  /** The suite stops starting new cases after this; what it left out is listed. */
  readonly budgetSeconds: number;
  /** Timed samples per contender, taken in turns. */
  readonly rounds: number;
  /** Work per sample is repeated until it takes about this long. */
  readonly sampleMs: number;
}

export const defaultSettings = (suite: Suite): BenchSettings => ({
  suite,
  only: [],
  budgetSeconds: suite === 'kernels' ? 200 : 600,
  rounds: 3,
  sampleMs: 100,
});

/** How many times longer the peer took for the same work in the same run; null: not compared. */
export interface Versus {
  readonly tfjs: number | null;
  readonly jaxjs: number | null;
  readonly ort: number | null;
}
export const noPeers: Versus = { tfjs: null, jaxjs: null, ort: null };

export interface BenchResult {
  readonly name: string;
  readonly shape: string;
  readonly medianMs: number | null; // null: not timed, `failure` says why
  readonly spread: number | null; // (slowest − fastest) / median over the samples
  readonly gflops: number | null;
  readonly gbps: number | null;
  /** Of the arithmetic roof, or of the bandwidth roof where only gbps is given; roof samples of the same minute. */
  readonly ofRoof: number | null;
  readonly versus: Versus;
  readonly failure: string | null;
  /** Further figures, e.g. tokensPerSecond, gpuBytes, largest relative error of the check. */
  readonly figures: Readonly<Record<string, number>>;
}

/** cost = intercept + slope · x */
export interface Fit {
  readonly name: string;
  readonly x: string;
  readonly slopeMs: number;
  readonly interceptMs: number;
  readonly r2: number;
}

export interface Roof {
  readonly gflops: number;
  readonly gbps: number;
}

export interface BenchDevice {
  readonly gpu: string;
  readonly isSoftware: boolean;
  readonly features: readonly string[];
  readonly maxBindingBytes: number;
}

export interface BenchReport {
  readonly suite: Suite;
  readonly device: BenchDevice;
  readonly browser: string;
  readonly commit: string | null;
  readonly settings: BenchSettings;
  readonly roof: Roof;
  readonly results: readonly BenchResult[];
  readonly fits: readonly Fit[];
  readonly notes: readonly string[];
  readonly leftOut: readonly string[];
}

export type BenchEvent =
  | { readonly kind: 'device'; readonly device: BenchDevice }
  | { readonly kind: 'roof'; readonly roof: Roof }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly note: string }
  | { readonly kind: 'result'; readonly result: BenchResult };

/** What the worker returns; browser and commit are added by whoever started it. */
export type WorkerReport = Omit<BenchReport, 'browser' | 'commit'>;

export interface BenchWorkerApi {
  run(settings: BenchSettings, onEvent: (event: BenchEvent) => void): Promise<WorkerReport>;
}

/** What a suite in Node tells the process that started it. */
export type NodeBenchMessage =
  | { readonly kind: 'event'; readonly event: BenchEvent }
  | { readonly kind: 'report'; readonly report: WorkerReport }
  | { readonly kind: 'error'; readonly error: WireError };

/** Runs as the store keeps them and the page shows them: types only, structured-cloneable. */
import type { RawRunConfig } from '../config/run-config.ts';
import type { EvaluationReport, ModelSource, DatasetSource, RunResult, TrainEvent } from './trainer-api.ts';

/** Where the model came from, without what must not or cannot be kept: tokens, files. */
export type RememberedModel =
  | Exclude<ModelSource, { readonly kind: 'files' | 'hub' }>
  | Omit<Extract<ModelSource, { readonly kind: 'hub' }>, 'token'>
  | { readonly kind: 'files'; readonly name: string };

/** As `RememberedModel`. A `file` that was small enough is kept with the run. */
export type RememberedDataset =
  | Extract<DatasetSource, { readonly kind: 'builtin' | 'url' }>
  | Omit<Extract<DatasetSource, { readonly kind: 'hub' }>, 'token'>
  | { readonly kind: 'file'; readonly name: string; readonly isKept: boolean };

/** `running`: no end was written. Where nobody holds the run, it was interrupted. */
export type RunState = 'running' | 'stopped' | 'finished' | 'failed';

/** Rows of the file that are used, and the pieces that are trained; as in `RunResult`. */
export type RowCounts = Pick<
  RunResult,
  'rows' | 'trainRows' | 'evaluationRows' | 'examples' | 'exampleTokens'
>;

export interface RunFailure {
  readonly code: string;
  readonly message: string;
}

/** What is known of a run without reading its records. */
export interface RunHead {
  readonly title: string; // given by the user; "" has none
  readonly notes: string; // of the user
  readonly createdMs: number; // since 1970
  readonly updatedMs: number;
  readonly state: RunState;
  readonly failure: RunFailure | null;
  readonly settings: RawRunConfig;
  readonly model: {
    readonly name: string;
    readonly base: { readonly nameOrPath: string; readonly revision: string | null }; // as adapter files name it
    readonly source: RememberedModel;
  };
  readonly dataset: { readonly name: string; readonly source: RememberedDataset };
  readonly counts: RowCounts;
  readonly device: string;
  readonly step: number; // of its newest checkpoint
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly startedFrom: string | null; // the adapter's name; null: from fresh values, or a checkpoint
  readonly lossLast: number | null;
  readonly before: EvaluationReport | null;
  readonly after: EvaluationReport | null;
  readonly result: RunResult | null; // of a run that ended
  readonly isImported?: boolean; // trained elsewhere: there are no moments to go on with
}

export interface StoredRun extends RunHead {
  readonly id: string;
  readonly bytes: number;
  readonly isHeld: boolean; // trained right now, in this tab or elsewhere
}

/** What is shown of a run: its steps, held-out losses, sample traces and warnings. */
export type StoredRecord = Extract<
  TrainEvent,
  { readonly kind: 'step' | 'eval-loss' | 'samples' | 'warning' }
>;

export interface StoredRunContent {
  readonly run: StoredRun;
  readonly records: readonly StoredRecord[];
  /** What was damaged and could not be used, in sentences. */
  readonly notes: readonly string[];
}

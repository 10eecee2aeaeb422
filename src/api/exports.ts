/**
 * What leaves the trainer and what comes back to it from other tools, as the contract has it: types only, structured-cloneable. How files are
 * made stands in src/exporters, how they are read in src/adapter and src/trainer.
 */
import type { ExportDtype, ExportFormat } from '../config/export-choices.ts';
import type { AdapterFiles, LoadProgress } from './trainer-api.ts';

export interface ExportedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface ExportRequest {
  /** The run in the store, or the one that was trained last; null: `zip` is of none that is kept. */
  readonly runId: string | null;
  readonly zip: Blob | null; // as `exportZip` gives it; null: the files of the run `runId`
  readonly formats: readonly ExportFormat[];
  readonly dtype: ExportDtype;
}

/** A file as it would lie in a repository of the hub. */
export interface PlannedFile {
  readonly path: string;
  readonly bytes: number;
}
/** Where on the Hugging Face Hub an export goes. */
export interface PushTarget {
  readonly repo: string; // owner/name
  readonly token: string; // one that may write; it is kept nowhere
  readonly isPrivate: boolean; // of a repository that is made; one that is there stays as it is
  /** Into a repository that is there; its other files stay. */
  readonly addsToExisting: boolean;
  readonly hubUrl?: string;
}
export interface PushRequest extends ExportRequest {
  readonly target: PushTarget;
}
export interface PushReport {
  readonly url: string; // of the repository's page
  readonly commit: string;
  readonly isNew: boolean;
}

/** A run that was trained elsewhere, by the Trainer of transformers or TRL. */
export interface ForeignRun {
  readonly state: Blob; // trainer_state.json
  readonly adapter: AdapterFiles | null;
  readonly bundle: Blob | null; // bundle_config.json, which train.py of a run bundle writes
}

/** A file with its path in the folder that was given. */
export interface GivenFile {
  readonly path: string; // with /
  readonly content: Blob;
}

export interface ExportApi {
  /** adapter_model.safetensors, adapter_config.json, README.md, metrics.jsonl, run_config.json. */
  exportFiles(): Promise<readonly ExportedFile[]>;
  /** The same files as one zip. */
  exportZip(): Promise<Blob>;
  /** An adapter for other tools, as a zip with a folder for each format. `merged` reads the weights of the loaded model again. */
  exportAs(request: ExportRequest, onProgress: (progress: LoadProgress) => void): Promise<Blob>;
  /** Ends an `exportAs` that is under way: it rejects with "cancelled". */
  cancelExport(): Promise<void>;
  /** What `pushToHub` would send. */
  planPush(request: ExportRequest): Promise<readonly PlannedFile[]>;
  /** The same as a repository of the Hugging Face Hub, in one commit. */
  pushToHub(request: PushRequest, onProgress: (progress: LoadProgress) => void): Promise<PushReport>;
  cancelPush(): Promise<void>;
  /** The adapter of a stored run's newest checkpoint, with the same files as `exportZip`. Needs no model. */
  exportStoredRun(id: string): Promise<Blob>;
  /** Parameters, optimizer moments and position of the run, as safetensors. */
  exportCheckpoint(): Promise<Blob>;
  /** Keeps a run that was trained elsewhere among the others: trainer_state.json and what lies beside it, or a zip of that. `notes`: what of it is not read, or not known. */
  importRun(files: readonly GivenFile[]): Promise<{ readonly id: string; readonly notes: readonly string[] }>;
}

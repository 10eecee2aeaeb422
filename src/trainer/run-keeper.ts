/**
 * What of a run is kept while it goes on. Saves are written while the next steps are computed; a save that fails costs
 * nothing but itself: the one before stands, and what it would have held comes with the next.
 */
import type { RunHead, StoredRecord } from '../api/stored-runs.ts';
import type { TrainEvent } from '../api/trainer-api.ts';
import { isRecord } from '../runs/records.ts';
import type { RunLog } from '../runs/run-log.ts';
import { toWire } from '../support/trainer-error.ts';
import type { Snapshot } from './checkpoint.ts';

/** Of a run in the store, by the trainer: its log, and what was recorded before. */
export interface KeptRun {
  readonly log: RunLog;
  readonly records: readonly StoredRecord[];
  /** The data file, to be kept with the first save; null: it is there already, or not to be kept. */
  readonly dataset: Blob | null;
}

export class RunKeeper {
  readonly #kept: KeptRun | null;
  readonly #toBytes: (snapshot: Snapshot) => Promise<Uint8Array>;
  /** Told of a save that failed. */
  onNote: (note: string) => void = () => undefined;
  #isDatasetKept = false;
  #saving: Promise<void> | null = null;

  /** `kept`: null where nothing is kept. `toBytes`: a snapshot as a checkpoint's file. */
  constructor(kept: KeptRun | null, toBytes: (snapshot: Snapshot) => Promise<Uint8Array>) {
    this.#kept = kept;
    this.#toBytes = toBytes;
  }

  get id(): string | null {
    return this.#kept?.log.id ?? null;
  }

  /** It goes on, and what was told of it before is known. */
  get hasRecords(): boolean {
    return (this.#kept?.records.length ?? 0) > 0;
  }

  add(event: TrainEvent): void {
    if (isRecord(event)) this.#kept?.log.add(event);
  }

  /** Head, and everything recorded so far, with the snapshot where there is one. Resolves when the save before is done. */
  async save(head: Partial<RunHead>, snapshot: Snapshot | null = null): Promise<void> {
    if (this.#kept === null) return;
    await this.#saving; // a disk slower than the steps must not fill the memory with snapshots
    this.#saving = this.#save(this.#kept, head, snapshot);
  }

  /** When everything that was to be saved is on the disk, or was given up. The run is nobody's then. */
  async close(): Promise<void> {
    await this.#saving;
    await this.#kept?.log.close();
  }

  async #save({ log, dataset }: KeptRun, head: Partial<RunHead>, snapshot: Snapshot | null): Promise<void> {
    try {
      const bytes = dataset === null || this.#isDatasetKept ? null : await bytesOf(dataset);
      await log.save({
        head: snapshot === null ? head : { ...head, step: snapshot.step },
        ...(snapshot === null
          ? {}
          : { checkpoint: { step: snapshot.step, bytes: await this.#toBytes(snapshot) } }),
        ...(bytes === null ? {} : { dataset: bytes }),
      });
      this.#isDatasetKept = true;
    } catch (error) {
      const { message } = toWire(error);
      const what = snapshot === null ? 'The run' : `The checkpoint of step ${snapshot.step}`;
      this.onNote(`${what} could not be kept: ${message} What was kept before stands, and the run goes on.`);
    }
  }
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

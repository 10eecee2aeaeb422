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
  /** The data file, kept with the first save; null: it is there already, or not to be kept. */
  readonly dataset: Blob | null;
}

/** What the user is told of the saves. */
export type KeeperWarning = Omit<Extract<TrainEvent, { readonly kind: 'warning' }>, 'kind'>;

export class RunKeeper {
  readonly #kept: KeptRun | null;
  readonly #toBytes: (snapshot: Snapshot) => Uint8Array;
  /** Told of a save that failed, and of the first one after it that did not. */
  onWarning: (warning: KeeperWarning) => void = () => undefined;
  #hasFailed = false;
  #saving: Promise<void> | null = null;
  #keptStep: number | null = null;

  /** `kept`: null where nothing is kept. `toBytes`: a snapshot as a checkpoint's file, unsealed: the journal has a hash of every file. */
  constructor(kept: KeptRun | null, toBytes: (snapshot: Snapshot) => Uint8Array) {
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

  /** Of the newest checkpoint that was written; null: none was. */
  get keptStep(): number | null {
    return this.#keptStep;
  }

  /** That one again, as `toBytes` made it; null: it is gone, or damaged. */
  async checkpoint(): Promise<Uint8Array | null> {
    return this.#keptStep === null ? null : ((await this.#kept?.log.checkpoint(this.#keptStep)) ?? null);
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
    const step = snapshot?.step ?? log.head.step;
    try {
      const { isAnew } = await log.save({
        head: snapshot === null ? head : { ...head, step },
        ...(snapshot === null ? {} : { checkpoint: { step, bytes: this.#toBytes(snapshot) } }),
        ...(dataset === null ? {} : { dataset: () => bytesOf(dataset) }),
      });
      if (isAnew || this.#hasFailed)
        this.onWarning({ code: 'kept-again', step, message: isAnew ? keptAnew : keptAgain });
      this.#hasFailed = false;
      if (snapshot !== null) this.#keptStep = step;
    } catch (error) {
      this.#hasFailed = true;
      const what = snapshot === null ? 'The run' : `The checkpoint of step ${step}`;
      const message = `${what} could not be kept: ${toWire(error).message} What was kept before stands. ${nextOf(head, error)}`;
      this.onWarning({ code: 'not-kept', step, message });
    }
  }
}

const keptAgain = 'What could not be kept before is kept now.';
const keptAnew =
  'What was kept of this run had been removed from the storage, as when site data are cleared. It is written again, as far as it is known here.';

/** What is to be done about it. */
function nextOf({ state }: Partial<RunHead>, error: unknown): string {
  if (state !== 'running') return 'The adapter is still here, and can be downloaded now.';
  return toWire(error).code === 'storage-full'
    ? 'The run goes on; make room (delete runs or models that are kept, or free disk space), and the next save has it.'
    : 'The run goes on, and the next save tries again.';
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

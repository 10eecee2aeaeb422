/**
 * The writing end of a stored run. Records are held until the next save, which writes them together with a checkpoint in
 * one commit: a run that is killed has either both or neither, so that nothing is missing or doubled when it goes on.
 */
import type { RunHead, StoredRecord } from '../api/stored-runs.ts';
import type { JournalWriter } from '../storage/journal.ts';
import { joinedSegment, toLines, type Segment } from './records.ts';

/** Checkpoints are kept twice: a file that is damaged later has one before it. */
const keptCheckpoints = 2;

/** What a commit holds besides its files. */
export interface RunContent {
  readonly version: 1;
  readonly head: RunHead;
  readonly checkpoints: readonly number[]; // steps, the newest first
  readonly segments: readonly Segment[]; // in the order of their records
}

export const checkpointFile = (step: number): string => `checkpoint/${step}`;
export const datasetFile = 'dataset';

export interface Saving {
  readonly head?: Partial<RunHead>;
  readonly checkpoint?: { readonly step: number; readonly bytes: Uint8Array };
  readonly dataset?: Uint8Array;
}

export class RunLog {
  readonly id: string;
  readonly #journal: JournalWriter<RunContent>;
  readonly #release: () => void;
  #content: RunContent;
  #pending: StoredRecord[];
  #saving: Promise<void> = Promise.resolve();
  #segmentsWritten: number;

  /** `pending`: records to be written with the next save. `release` gives the run's lock back. */
  constructor(
    id: string,
    journal: JournalWriter<RunContent>,
    content: RunContent,
    pending: readonly StoredRecord[],
    release: () => void,
  ) {
    this.id = id;
    this.#journal = journal;
    this.#content = content;
    this.#pending = [...pending];
    this.#release = release;
    this.#segmentsWritten = Date.now(); // names are never used again, whoever writes
  }

  get head(): RunHead {
    return this.#content.head;
  }

  /** What the next save says of the run. */
  describe(head: RunHead): void {
    this.#content = { ...this.#content, head };
  }

  add(record: StoredRecord): void {
    this.#pending.push(record);
  }

  /**
   * One after the other. On the disk when it resolves; where it fails, the save before stands and the records wait for the next.
   * @throws TrainerError "storage-full", "storage-unavailable"
   */
  save(saving: Saving): Promise<void> {
    const records = this.#pending;
    this.#pending = [];
    const saved = this.#saving.then(() => this.#commit(saving, records));
    this.#saving = saved.catch(() => {
      this.#pending = [...records, ...this.#pending];
    });
    return saved;
  }

  /** After what is being saved. Nothing can be saved any more. */
  async close(): Promise<void> {
    await this.#saving;
    this.#release();
  }

  async #commit({ head, checkpoint, dataset }: Saving, records: readonly StoredRecord[]): Promise<void> {
    const before = this.#content;
    const add: Record<string, Uint8Array> = {};
    let { segments, checkpoints } = before;
    if (records.length > 0) {
      const merged = await joinedSegment(toLines(records), segments, (name) => this.#journal.read(name));
      const name = `records/${this.#segmentsWritten++}`;
      add[name] = merged.bytes;
      segments = [...merged.others, { name, bytes: merged.bytes.length }];
    }
    if (checkpoint !== undefined) {
      const { step, bytes } = checkpoint;
      add[checkpointFile(step)] = bytes;
      checkpoints = [step, ...checkpoints.filter((other) => other !== step)].slice(0, keptCheckpoints);
    }
    if (dataset !== undefined) add[datasetFile] = dataset;
    const content: RunContent = {
      ...before,
      head: { ...before.head, ...head, updatedMs: Date.now() },
      checkpoints,
      segments,
    };
    const keep = [datasetFile, ...segments.map(({ name }) => name), ...checkpoints.map(checkpointFile)];
    await this.#journal.commit({ content, keep, add });
    this.#content = content;
  }
}

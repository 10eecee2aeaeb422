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
  /** The data file, asked for where it is not kept yet. */
  readonly dataset?: () => Promise<Uint8Array>;
}

export interface Saved {
  /** Something of what was kept had been taken away, and was written again as far as it is known here. */
  readonly isAnew: boolean;
}

export class RunLog {
  readonly id: string;
  readonly #journal: JournalWriter<RunContent>;
  readonly #release: () => void;
  #content: RunContent;
  #pending: StoredRecord[];
  readonly #saved: StoredRecord[]; // what the segments hold, as far as it is known here
  #saving: Promise<unknown> = Promise.resolve();
  #segmentsWritten: number;

  /**
   * `records`: those so far. Where `content` names no segments they are written with the next save. `release` gives the
   * run's lock back.
   */
  constructor(
    id: string,
    journal: JournalWriter<RunContent>,
    content: RunContent,
    records: readonly StoredRecord[],
    release: () => void,
  ) {
    this.id = id;
    this.#journal = journal;
    this.#content = content;
    const isWritten = content.segments.length > 0;
    this.#saved = isWritten ? [...records] : [];
    this.#pending = isWritten ? [] : [...records];
    this.#release = release;
    this.#segmentsWritten = Date.now(); // names are never used again, whoever writes
  }

  get head(): RunHead {
    return this.#content.head;
  }

  /** One that was saved, also after the end; null: it is gone, or damaged. */
  checkpoint(step: number): Promise<Uint8Array | null> {
    return this.#journal.read(checkpointFile(step));
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
  save(saving: Saving): Promise<Saved> {
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

  async #commit({ head, checkpoint, dataset }: Saving, newRecords: readonly StoredRecord[]): Promise<Saved> {
    const lost = await this.#journal.lost();
    const before = without(this.#content, lost);
    const add: Record<string, Uint8Array> = {};
    let { segments, checkpoints } = before;
    const isRewritten = segments.length < this.#content.segments.length && this.#saved.length > 0;
    const records = isRewritten ? [...this.#saved, ...newRecords] : newRecords;
    if (isRewritten) segments = [];
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
    const hasDataset =
      !lost.includes(datasetFile) && this.#journal.files.some(({ name }) => name === datasetFile);
    if (dataset !== undefined && !hasDataset) add[datasetFile] = await dataset();
    const content: RunContent = {
      ...before,
      head: { ...before.head, ...head, updatedMs: Date.now() },
      checkpoints,
      segments,
    };
    const keep = [datasetFile, ...segments.map(({ name }) => name), ...checkpoints.map(checkpointFile)];
    await this.#journal.commit({ content, keep: keep.filter((name) => !lost.includes(name)), add });
    this.#content = content;
    for (const record of newRecords) this.#saved.push(record);
    return { isAnew: lost.length > 0 };
  }
}

/** What is left of a run whose files were taken away. */
const without = (content: RunContent, lost: readonly string[]): RunContent => ({
  ...content,
  checkpoints: content.checkpoints.filter((step) => !lost.includes(checkpointFile(step))),
  segments: content.segments.filter(({ name }) => !lost.includes(name)),
});

/**
 * Runs that outlive the page, the worker and the GPU: settings, records, checkpoints and, where it is small, the data file,
 * each run a journal in a folder of its own. Everything that lists, shows, continues or exports a run asks here.
 * The format is written down in docs/run-store.md.
 */
import type { RunHead, StoredRecord, StoredRun, StoredRunContent } from '../api/stored-runs.ts';
import type { FolderStore } from '../storage/folder-store.ts';
import {
  JournalWriter,
  readFileOf,
  readJournal,
  type Commit,
  type JournalState,
} from '../storage/journal.ts';
import { blobSource, type ByteSource } from '../support/byte-source.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { holdFolder, listJournals } from './journal-folders.ts';
import { fromLines, stepOf } from './records.ts';
import { checkpointFile, datasetFile, RunLog, type RunContent } from './run-log.ts';

/** The name of the host's store for them. */
export const runsStore = 'runs';

/** A run as it can go on: its newest checkpoint that is whole, and the records up to there. @internal */
export interface OpenedRun {
  readonly log: RunLog;
  readonly head: RunHead;
  readonly checkpoint: Uint8Array;
  readonly records: readonly StoredRecord[];
  readonly notes: readonly string[];
}

export class RunStore {
  readonly #store: FolderStore;

  /** @internal */
  constructor(store: FolderStore) {
    this.#store = store;
  }

  /** A new run; it is there once something is saved. Its log is closed by whoever asked for it. @internal */
  async create(head: RunHead): Promise<RunLog> {
    const id = crypto.randomUUID();
    const release = await this.#store.lock(id);
    const content: RunContent = { version: 1, head, checkpoints: [], segments: [] };
    return new RunLog(id, new JournalWriter<RunContent>(this.#store, id, null), content, [], release);
  }

  /** The newest first. What was begun and never saved is swept away. */
  async list(): Promise<StoredRun[]> {
    const found = await listJournals<RunContent>(this.#store);
    const runs = found.map(({ id, newest, isHeld }) => toStoredRun(id, newest, isHeld));
    return runs.sort((a, b) => b.createdMs - a.createdMs);
  }

  /** Also of a run that is being trained elsewhere. @throws TrainerError "run-not-found" */
  async read(id: string): Promise<StoredRunContent> {
    const isHeld = await this.#store.isLocked(id); // asked first: what ends while it is read was still under way
    const { newest } = await this.#require(id);
    const { records, notes } = await this.#recordsOf(id, newest, Infinity);
    return { run: toStoredRun(id, newest, isHeld), records, notes };
  }

  /** To go on. The run is locked until its log is closed. @throws TrainerError "run-in-use", "run-not-found", "checkpoint-invalid" @internal */
  async open(id: string): Promise<OpenedRun> {
    const release = await this.#hold(id);
    try {
      const { newest, passedOver: isPassedOver } = await this.#require(id);
      const found = await this.#checkpointOf(id, newest);
      const { records, notes, isWhole } = await this.#recordsOf(id, newest, found.step);
      const { content } = newest;
      // What lies beyond the checkpoint, or cannot be read, is written anew without it.
      const kept = isWhole ? content : { ...content, segments: [] };
      const writer = new JournalWriter(this.#store, id, newest);
      const log = new RunLog(id, writer, kept, records, release);
      const passedOver = isPassedOver ? ['The newest save was cut off; the one before it is used.'] : [];
      return {
        log,
        head: content.head,
        checkpoint: found.bytes,
        records,
        notes: [...passedOver, ...found.notes, ...notes],
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The newest checkpoint that is whole. @throws TrainerError "run-not-found", "checkpoint-invalid" */
  async checkpoint(id: string): Promise<Uint8Array> {
    return (await this.#checkpointOf(id, (await this.#require(id)).newest)).bytes;
  }

  /** The newest checkpoint that is there, unchecked, to read parts of it; null: there is none. @throws TrainerError "run-not-found" @internal */
  async checkpointSource(id: string): Promise<ByteSource | null> {
    const { content, files } = (await this.#require(id)).newest;
    for (const step of content.checkpoints) {
      const stored = files.find(({ name }) => name === checkpointFile(step));
      const blob = stored === undefined ? null : await this.#store.blob(id, stored.file);
      if (blob !== null) return blobSource(blob);
    }
    return null;
  }

  /** The data file that was kept with the run; null: none was. @throws TrainerError "cache-damaged" */
  async dataset(id: string): Promise<Uint8Array | null> {
    const { newest } = await this.#require(id);
    if (!newest.files.some(({ name }) => name === datasetFile)) return null;
    const bytes = await readFileOf(this.#store, id, newest, datasetFile);
    if (bytes !== null) return bytes;
    throw new TrainerError(
      'cache-damaged',
      'The data file kept with this run is damaged. Choose the file again.',
    );
  }

  /** Of the data file that was kept with the run; 0: none was. */
  async datasetBytes(id: string): Promise<number> {
    const state = await readJournal<RunContent>(this.#store, id);
    return state?.newest.files.find(({ name }) => name === datasetFile)?.bytes ?? 0;
  }

  /** @throws TrainerError "run-in-use", "run-not-found" */
  async describe(id: string, words: Partial<Pick<RunHead, 'title' | 'notes'>>): Promise<void> {
    const release = await this.#hold(id);
    try {
      const { newest } = await this.#require(id);
      const writer = new JournalWriter(this.#store, id, newest);
      await new RunLog(id, writer, newest.content, [], () => undefined).save({ head: words });
    } finally {
      release();
    }
  }

  /** @throws TrainerError "run-in-use" */
  async remove(id: string): Promise<void> {
    const release = await this.#hold(id);
    await this.#store.remove(id);
    release();
  }

  /** @throws TrainerError "run-not-found" */
  async #require(id: string): Promise<JournalState<RunContent>> {
    const state = await readJournal<RunContent>(this.#store, id);
    if (state !== null) return state;
    throw new TrainerError(
      'run-not-found',
      'This run is not kept here any more: it was deleted, or its folder is damaged.',
    );
  }

  #hold(id: string): Promise<() => void> {
    return holdFolder(this.#store, id, 'This run is under way, here or in another tab. Stop it there first.');
  }

  async #checkpointOf(
    id: string,
    { content, files }: Commit<RunContent>,
  ): Promise<{ readonly step: number; readonly bytes: Uint8Array; readonly notes: readonly string[] }> {
    const notes: string[] = [];
    for (const step of content.checkpoints) {
      const bytes = await readFileOf(this.#store, id, { files }, checkpointFile(step));
      if (bytes !== null) return { step, bytes, notes };
      notes.push(`The checkpoint of step ${step} is damaged; the one before it is used.`);
    }
    throw new TrainerError(
      'checkpoint-invalid',
      content.checkpoints.length === 0
        ? 'This run ended before its first checkpoint: start it again.'
        : 'No checkpoint of this run is whole any more: it cannot go on. What was recorded can still be seen.',
    );
  }

  async #recordsOf(
    id: string,
    { content, files }: Commit<RunContent>,
    lastStep: number,
  ): Promise<{ readonly records: StoredRecord[]; readonly notes: string[]; readonly isWhole: boolean }> {
    const parts = await Promise.all(
      content.segments.map(({ name }) => readFileOf(this.#store, id, { files }, name)),
    );
    const all = parts.flatMap((bytes) => (bytes === null ? [] : fromLines(bytes)));
    const records = all.filter((record) => stepOf(record) <= lastStep);
    const isDamaged = parts.some((bytes) => bytes === null);
    return {
      records,
      notes: isDamaged ? ['Some records of this run are damaged: its chart and table have gaps.'] : [],
      isWhole: !isDamaged && records.length === all.length,
    };
  }
}

function toStoredRun(id: string, { content, files }: Commit<RunContent>, isHeld: boolean): StoredRun {
  return { ...content.head, id, isHeld, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

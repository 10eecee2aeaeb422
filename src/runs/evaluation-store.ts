/**
 * Evaluations that outlive the page: their suites as they were asked, every answer as it came, people's verdicts and, at the end,
 * the figures. Each is a journal in a folder of its own, as runs are (docs/run-store.md).
 */
import type {
  AnswerRecord,
  EvaluationHead,
  EvaluationRecord,
  EvaluationResults,
  StoredEvaluation,
  Suite,
} from '../api/evaluations.ts';
import type { RunFailure } from '../api/stored-runs.ts';
import type { FolderStore } from '../storage/folder-store.ts';
import { JournalWriter, readFileOf, readJournal, type Commit } from '../storage/journal.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { holdFolder, listJournals } from './journal-folders.ts';
import { fromLines, joinedSegment, toLines, type Segment } from './records.ts';

/** The name of the host's store for them. */
export const evaluationsStore = 'evaluations';

const suitesFile = 'suites';

interface EvaluationContent {
  readonly version: 1;
  readonly head: EvaluationHead;
  readonly segments: readonly Segment[]; // in the order of their records
}

/** An evaluation with everything that is kept of it. */
export interface KeptEvaluation {
  readonly evaluation: StoredEvaluation;
  readonly suites: readonly Suite[];
  readonly records: readonly EvaluationRecord[];
}

/** The writing end of one. */
export class EvaluationLog {
  readonly id: string;
  readonly #journal: JournalWriter<EvaluationContent>;
  readonly #release: () => void;
  #content: EvaluationContent;
  #isClosed = false;
  #segmentsWritten = Date.now(); // names are never used again, whoever writes

  constructor(
    id: string,
    journal: JournalWriter<EvaluationContent>,
    content: EvaluationContent,
    release: () => void,
  ) {
    this.id = id;
    this.#journal = journal;
    this.#content = content;
    this.#release = release;
  }

  get head(): EvaluationHead {
    return this.#content.head;
  }

  get stored(): StoredEvaluation {
    return toStored(this.id, { content: this.#content, files: this.#journal.files }, true);
  }

  /** On the disk when it resolves. @throws TrainerError "storage-full", "storage-unavailable" */
  async append(records: readonly EvaluationRecord[], head: Partial<EvaluationHead> = {}): Promise<void> {
    if (records.length === 0) return this.#commit({}, this.#content.segments, head);
    const { segments } = this.#content;
    const joined = await joinedSegment(toLines(records), segments, (name) => this.#journal.read(name));
    const name = `answers/${this.#segmentsWritten++}`;
    const others = [...joined.others, { name, bytes: joined.bytes.length }];
    await this.#commit({ [name]: joined.bytes }, others, head);
  }

  /** In the place of all records before: those of other evaluations that were not asked again are among them. */
  async finish(records: readonly EvaluationRecord[], results: EvaluationResults): Promise<void> {
    const name = `answers/${this.#segmentsWritten++}`;
    const bytes = toLines(records);
    const done = records.filter(({ kind }) => kind === 'answer').length;
    const head: Partial<EvaluationHead> = { state: 'finished', failure: null, done, results };
    await this.#commit({ [name]: bytes }, [{ name, bytes: bytes.length }], head);
  }

  fail(failure: RunFailure | null): Promise<void> {
    return this.append([], { failure });
  }

  begin(suites: readonly Suite[]): Promise<void> {
    return this.#commit({ [suitesFile]: new TextEncoder().encode(JSON.stringify(suites)) }, [], {});
  }

  /** Nothing can be saved any more. Once: the lock may be another's by then. */
  close(): void {
    if (!this.#isClosed) this.#release();
    this.#isClosed = true;
  }

  async #commit(
    add: Readonly<Record<string, Uint8Array>>,
    segments: readonly Segment[],
    head: Partial<EvaluationHead>,
  ): Promise<void> {
    const content = {
      ...this.#content,
      segments,
      head: { ...this.#content.head, ...head, updatedMs: Date.now() },
    };
    const keep = [suitesFile, ...segments.map(({ name }) => name)];
    await this.#journal.commit({ content, keep, add });
    this.#content = content;
  }
}

export class EvaluationStore {
  readonly #store: FolderStore;

  constructor(store: FolderStore) {
    this.#store = store;
  }

  /** Its log is closed by whoever asked for it. */
  async create(head: EvaluationHead, suites: readonly Suite[]): Promise<EvaluationLog> {
    const id = crypto.randomUUID();
    const release = await this.#store.lock(id);
    try {
      await this.#store.create(id);
      const journal = new JournalWriter<EvaluationContent>(this.#store, id, null);
      const log = new EvaluationLog(id, journal, { version: 1, head, segments: [] }, release);
      await log.begin(suites);
      return log;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The newest first. What was begun and never saved is swept away. */
  async list(): Promise<StoredEvaluation[]> {
    const journals = await listJournals<EvaluationContent>(this.#store);
    const found = journals.map(({ id, newest, isHeld }) => toStored(id, newest, isHeld));
    return found.sort((a, b) => b.createdMs - a.createdMs);
  }

  /** @throws TrainerError "run-not-found", "cache-damaged" where its suites are */
  async read(id: string): Promise<KeptEvaluation> {
    const isHeld = await this.#store.isLocked(id);
    return this.#readOf(id, await this.#require(id), isHeld);
  }

  /** To go on, or to be overruled. Locked until its log is closed. @throws TrainerError "run-in-use", and as `read` */
  async open(id: string): Promise<KeptEvaluation & { readonly log: EvaluationLog }> {
    const release = await this.#hold(id);
    try {
      const newest = await this.#require(id);
      const kept = await this.#readOf(id, newest, true);
      const log = new EvaluationLog(id, new JournalWriter(this.#store, id, newest), newest.content, release);
      return { ...kept, log };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Answers that any evaluation of this model holds: what is asked again need not be written again. */
  async answersOf(modelId: string): Promise<AnswerRecord[]> {
    const answers: AnswerRecord[] = [];
    for (const id of await this.#store.folders()) {
      const state = await readJournal<EvaluationContent>(this.#store, id);
      if (state === null || state.newest.content.head.model.id !== modelId) continue;
      const records = await this.#recordsOf(id, state.newest);
      answers.push(...records.filter((record) => record.kind === 'answer'));
    }
    return answers;
  }

  /** @throws TrainerError "run-in-use" */
  async remove(id: string): Promise<void> {
    const release = await this.#hold(id);
    await this.#store.remove(id);
    release();
  }

  async #readOf(id: string, commit: Commit<EvaluationContent>, isHeld: boolean): Promise<KeptEvaluation> {
    const bytes = await readFileOf(this.#store, id, commit, suitesFile);
    if (bytes === null)
      throw new TrainerError(
        'cache-damaged',
        'The prompts that were kept with this evaluation are damaged. Delete it, and evaluate again.',
      );
    return {
      evaluation: toStored(id, commit, isHeld),
      suites: JSON.parse(new TextDecoder().decode(bytes)) as Suite[],
      records: await this.#recordsOf(id, commit),
    };
  }

  /** Those that are whole: an answer that is missing is written again when the evaluation goes on. */
  async #recordsOf(
    id: string,
    { content, files }: Pick<Commit<EvaluationContent>, 'content' | 'files'>,
  ): Promise<EvaluationRecord[]> {
    const parts = await Promise.all(
      content.segments.map(({ name }) => readFileOf(this.#store, id, { files }, name)),
    );
    return parts.flatMap((bytes) => (bytes === null ? [] : fromLines<EvaluationRecord>(bytes)));
  }

  /** @throws TrainerError "run-not-found" */
  async #require(id: string): Promise<Commit<EvaluationContent>> {
    const state = await readJournal<EvaluationContent>(this.#store, id);
    if (state !== null) return state.newest;
    throw new TrainerError(
      'run-not-found',
      'This evaluation is not kept here any more: it was deleted, or its folder is damaged.',
    );
  }

  #hold(id: string): Promise<() => void> {
    return holdFolder(this.#store, id, 'This evaluation is under way, here or in another tab.');
  }
}

function toStored(
  id: string,
  { content, files }: Pick<Commit<EvaluationContent>, 'content' | 'files'>,
  isHeld: boolean,
): StoredEvaluation {
  return { ...content.head, id, isHeld, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

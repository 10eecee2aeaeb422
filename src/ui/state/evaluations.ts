/** Evaluations as the page sees them: those that are kept, the one under way, the one whose figures and rows are shown. */
import { batch, computed, signal, type ReadonlySignal } from '@preact/signals';
import type {
  EvaluationProgress,
  EvaluationRequest,
  EvaluationRows,
  JudgeKind,
  OverruleRecord,
  RowFilter,
  StoredEvaluation,
} from '../../api/evaluations.ts';
import type { TrainerApi } from '../../api/trainer-api.ts';
import { toWire } from '../../support/trainer-error.ts';
import type { EvaluationForm } from './evaluation-form.ts';
import type { Failures } from './failures.ts';
import type { SuiteFiles } from './suite-files.ts';

const rowsPerPage = 10;
const watchMs = 2000;

export interface Evaluations {
  readonly list: ReadonlySignal<readonly StoredEvaluation[]>;
  readonly progress: ReadonlySignal<EvaluationProgress | null>; // null: none is under way here
  readonly isActive: ReadonlySignal<boolean>;
  readonly isPausing: ReadonlySignal<boolean>;
  /** Whose figures are shown. */
  readonly shown: ReadonlySignal<StoredEvaluation | null>;
  /** null: no figure was opened. */
  readonly filter: ReadonlySignal<RowFilter | null>;
  readonly rows: ReadonlySignal<EvaluationRows | null>;
  readonly firstRow: ReadonlySignal<number>;
  readonly rowsPerPage: number;
  readonly refresh: () => Promise<void>;
  /** As the form has it. */
  readonly start: () => Promise<void>;
  readonly evaluate: (request: EvaluationRequest) => Promise<void>;
  readonly goOn: (id: string) => Promise<void>;
  /** The loaded model judges the answers of the one that is shown. */
  readonly judge: (kind: JudgeKind) => Promise<void>;
  readonly pause: () => Promise<void>;
  /** Ends the one under way, and deletes the answers that it has. */
  readonly cancel: () => Promise<void>;
  readonly remove: (id: string) => Promise<void>;
  readonly show: (id: string) => void;
  readonly openRows: (filter: RowFilter) => Promise<void>;
  readonly turnTo: (first: number) => Promise<void>;
  readonly closeRows: () => void;
  readonly overrule: (verdict: Omit<OverruleRecord, 'kind'>) => Promise<void>;
  /** The one that is shown is judged anew; null: by the built-in phrases. */
  readonly useRefusalPhrases: (phrases: unknown) => Promise<void>;
  readonly download: (format: 'csv' | 'jsonl', save: (file: Blob, name: string) => void) => Promise<void>;
}

export function createEvaluations(
  client: TrainerApi,
  failures: Failures,
  files: SuiteFiles,
  form: EvaluationForm,
): Evaluations {
  const list = signal<readonly StoredEvaluation[]>([]);
  const progress = signal<EvaluationProgress | null>(null);
  const isPausing = signal(false);
  const shownId = signal<string | null>(null);
  const filter = signal<RowFilter | null>(null);
  const rows = signal<EvaluationRows | null>(null);
  const firstRow = signal(0);
  let asking: ReturnType<typeof setTimeout> | null = null;

  /** Again while another tab holds one. */
  async function refresh(): Promise<void> {
    if (asking !== null) clearTimeout(asking);
    asking = null;
    list.value = await client.listEvaluations().catch(() => []);
    const isElsewhere = list.value.some(({ id, isHeld }) => isHeld && id !== progress.peek()?.id);
    if (isElsewhere) asking = setTimeout(() => void refresh(), watchMs);
  }

  async function reported(action: () => Promise<void>): Promise<void> {
    failures.clear('evaluation');
    try {
      await action();
    } catch (error) {
      if (toWire(error).code !== 'cancelled') failures.report('evaluation', error);
    }
  }

  async function underWay(
    call: (onProgress: (latest: EvaluationProgress) => void) => Promise<StoredEvaluation>,
  ): Promise<void> {
    if (progress.peek() !== null) return;
    progress.value = { id: '', done: 0, total: 0, reused: 0, secondsLeft: null, note: 'Reading the suites' };
    await reported(async () => {
      const { id } = await call((latest) => {
        const isNew = progress.peek()?.id !== latest.id;
        if (progress.peek() !== null) progress.value = latest;
        if (isNew) void refresh();
      });
      show(id);
    });
    await refresh(); // before it counts as ended: whoever waits for that asks how it ended
    batch(() => {
      progress.value = null;
      isPausing.value = false;
    });
  }

  function show(id: string): void {
    batch(() => {
      shownId.value = id;
      closeRows();
    });
  }
  function closeRows(): void {
    batch(() => {
      filter.value = null;
      rows.value = null;
      firstRow.value = 0;
    });
  }

  async function readRows(): Promise<void> {
    const id = shownId.peek();
    const wanted = filter.peek();
    if (id === null || wanted === null) return;
    await reported(async () => {
      const range = { first: firstRow.peek(), count: rowsPerPage };
      const found = await client.evaluationRows(id, wanted, range);
      if (shownId.peek() === id && filter.peek() === wanted) rows.value = found;
    });
  }

  const evaluate = (request: EvaluationRequest): Promise<void> =>
    underWay((onProgress) => client.startEvaluation(request, onProgress));

  const remove = (id: string): Promise<void> =>
    reported(async () => {
      await client.removeEvaluation(id);
      if (shownId.peek() === id) shownId.value = null;
      await refresh();
    });
  const pause = async (): Promise<void> => {
    isPausing.value = true;
    await client.pauseEvaluation();
  };

  const judgedAnew = (change: (id: string) => Promise<StoredEvaluation>): Promise<void> =>
    reported(async () => {
      const id = shownId.peek();
      if (id === null) return;
      const changed = await change(id);
      list.value = list.peek().map((one) => (one.id === id ? changed : one));
      await readRows();
    });

  return {
    list,
    progress,
    isActive: computed(() => progress.value !== null),
    isPausing,
    shown: computed(() => list.value.find(({ id }) => id === shownId.value) ?? null),
    filter,
    rows,
    firstRow,
    rowsPerPage,
    refresh,
    start: () =>
      evaluate({
        files: files.chosen.value,
        ...form.sample(),
        settings: form.settings(),
        adapter: form.adapter.value,
      }),
    evaluate,
    goOn: (id) => underWay((onProgress) => client.continueEvaluation(id, onProgress)),
    judge: async (kind) => {
      const id = shownId.peek();
      if (id !== null) await underWay((onProgress) => client.judgeEvaluation(id, kind, onProgress));
    },
    pause,
    cancel: async () => {
      const id = progress.peek()?.id ?? '';
      await pause();
      if (id === '') return;
      // It gives its folder back when the answers under way are written.
      while (progress.peek() !== null) await new Promise((wake) => setTimeout(wake, 50));
      if (list.peek().some((one) => one.id === id && one.state !== 'finished')) await remove(id);
    },
    remove,
    show,
    openRows: async (wanted) => {
      batch(() => {
        filter.value = wanted;
        firstRow.value = 0;
      });
      await readRows();
    },
    turnTo: async (first) => {
      firstRow.value = first;
      await readRows();
    },
    closeRows,
    overrule: (verdict) => judgedAnew((id) => client.overruleVerdict(id, verdict)),
    useRefusalPhrases: (phrases) => judgedAnew((id) => client.useRefusalPhrases(id, phrases)),
    download: (format, save) =>
      reported(async () => {
        const id = shownId.peek();
        if (id === null) return;
        save(await client.exportEvaluation(id, format, filter.peek() ?? {}), `evaluation.${format}`);
      }),
  };
}

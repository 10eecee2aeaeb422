/** The dataset builder as the page shows it: files, options, the rows that were built, and their edits. */
import { batch, computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type {
  BuilderApi,
  BuildOptions,
  BuildReport,
  BuiltRow,
  HarmLabel,
  Question,
  ShapeInfo,
  SourceReport,
  Templates,
  Written,
} from '../../api/builder-api.ts';
import type { TrainerApi } from '../../api/trainer-api.ts';
import { toWire, TrainerError, type WireError } from '../../support/trainer-error.ts';
import { createBuilderForm, type BuilderForm } from './builder-form.ts';

export interface BuilderProgress {
  readonly done: number;
  readonly total: number; // 0: not known
  readonly note: string;
}

export interface Builder {
  readonly isOpen: Signal<boolean>;
  readonly shapes: ReadonlySignal<readonly ShapeInfo[]>;
  readonly sources: ReadonlySignal<readonly SourceReport[]>;
  readonly form: BuilderForm;
  readonly progress: ReadonlySignal<BuilderProgress | null>; // null: nothing is under way
  readonly canCancel: ReadonlySignal<boolean>;
  readonly failure: Signal<WireError | null>;
  readonly report: ReadonlySignal<BuildReport | null>;
  readonly rows: ReadonlySignal<readonly BuiltRow[]>;
  readonly editCount: ReadonlySignal<number>;
  readonly open: () => Promise<void>;
  readonly addFiles: (role: HarmLabel, files: readonly File[]) => Promise<void>;
  readonly removeSource: (id: number) => Promise<void>;
  readonly build: (contextTokens: number) => Promise<void>;
  readonly cancel: () => void;
  readonly editRow: (key: string, instruction: string, response: string) => Promise<void>;
  readonly undo: () => void;
  /** The rows as they stand, as a file. */
  readonly toFile: () => Promise<File | null>;
}

const PROMPTS_PER_CALL = 8; // small, so that "Cancel" is soon heard

export function createBuilderState(builder: BuilderApi, client: Pick<TrainerApi, 'generate'>): Builder {
  const isOpen = signal(false);
  const shapes = signal<readonly ShapeInfo[]>([]);
  const sources = signal<readonly SourceReport[]>([]);
  const progress = signal<BuilderProgress | null>(null);
  const canCancel = signal(false);
  const failure = signal<WireError | null>(null);
  const report = signal<BuildReport | null>(null);
  const rows = signal<readonly BuiltRow[]>([]);
  const undone = signal<readonly BuiltRow[]>([]); // the rows before each edit, the newest last
  const form = createBuilderForm();
  let isCancelled = false;

  /** One thing after the other; what goes wrong stands in the dialog. */
  let last: Promise<void> = Promise.resolve();
  function during(note: string, work: () => Promise<void>): Promise<void> {
    last = last.then(async () => {
      batch(() => {
        progress.value = { done: 0, total: 0, note };
        failure.value = null;
      });
      try {
        await work();
      } catch (error) {
        failure.value = toWire(error);
      }
      batch(() => {
        progress.value = null;
        canCancel.value = false;
      });
    });
    return last;
  }

  async function write(
    what: keyof Written,
    questions: readonly Question[],
    maxNewTokens: number,
    seed: number,
  ) {
    const texts: Record<string, string> = {};
    const note = what === 'traces' ? 'The model writes traces' : 'The model writes assessments';
    canCancel.value = true;
    for (let i = 0; i < questions.length; i += PROMPTS_PER_CALL) {
      progress.value = { done: i, total: questions.length, note };
      const part = questions.slice(i, i + PROMPTS_PER_CALL);
      const prompts = part.map(({ prompt }) => prompt);
      const answers = await client.generate({
        prompts,
        maxNewTokens,
        temperature: 0,
        seed,
        useAdapter: false,
      });
      if (isCancelled)
        throw new TrainerError('cancelled', `Cancelled after ${i + part.length} of ${questions.length}.`);
      for (const [k, { key }] of part.entries()) texts[key] = answers[k].trace.text;
    }
    canCancel.value = false;
    return texts;
  }

  async function buildNow(options: BuildOptions, maxNewTokens: number): Promise<void> {
    isCancelled = false;
    const written: { traces: Record<string, string>; assessments: Record<string, string> } = {
      traces: {},
      assessments: {},
    };
    if (options.writeTraces)
      written.traces = await write(
        'traces',
        await builder.questions('traces', options, written),
        maxNewTokens,
        options.seed,
      );
    if (options.writeAssessments)
      written.assessments = await write(
        'assessments',
        await builder.questions('assessments', options, written),
        maxNewTokens,
        options.seed,
      );
    const result = await builder.build(options, written);
    batch(() => {
      report.value = result.report;
      rows.value = result.rows;
      undone.value = [];
    });
  }

  /** The suggested count follows the files until the user sets one. */
  async function suggestCount(): Promise<void> {
    const options = form.options.peek();
    if (options === null) return;
    const most = await builder.mostRows(options);
    form.suggestCount(most);
  }

  return {
    isOpen,
    shapes,
    sources,
    form,
    progress,
    canCancel,
    failure,
    report,
    rows,
    editCount: computed(() => undone.value.length),
    open: async () => {
      isOpen.value = true;
      if (shapes.peek().length > 0) return;
      await during('Opening', async () => {
        const { shapes: known, templates } = await builder.describe();
        batch(() => {
          shapes.value = known;
          form.useTemplates(templates satisfies Templates);
        });
      });
    },
    addFiles: async (role, files) => {
      for (const file of files)
        await during(`Reading ${file.name}`, async () => {
          const added = await builder.addSource(role, file.name, file);
          sources.value = [...sources.value, added];
          await suggestCount();
        });
    },
    removeSource: async (id) => {
      await during('Removing a file', async () => {
        await builder.removeSource(id);
        sources.value = sources.value.filter((source) => source.id !== id);
        await suggestCount();
      });
    },
    build: async (contextTokens) => {
      await during('Building', async () => {
        await suggestCount();
        const options = form.options.value;
        if (options === null) throw new TrainerError('config-invalid', 'Correct the marked options first.');
        // Half the context at most: the question has to fit as well.
        await buildNow(options, Math.min(form.maxNewTokens, Math.floor(contextTokens / 2)));
      });
    },
    cancel: () => {
      isCancelled = true;
      const now = progress.peek();
      if (now !== null) progress.value = { ...now, note: 'Stopping after these answers' };
    },
    editRow: async (key, instruction, response) => {
      const former = rows.value.find((row) => row.key === key);
      if (former === undefined) return;
      if (former.instruction === instruction && former.response === response) return;
      const edited = await builder.edited(former, instruction, response);
      batch(() => {
        rows.value = rows.value.map((row) => (row.key === key ? edited : row));
        undone.value = [...undone.value, former];
      });
    },
    undo: () => {
      const former = undone.value.at(-1);
      if (former === undefined) return;
      batch(() => {
        rows.value = rows.value.map((row) => (row.key === former.key ? former : row));
        undone.value = undone.value.slice(0, -1);
      });
    },
    toFile: async () => {
      const { shape } = report.peek() ?? {};
      if (shape === undefined) return null;
      const text = await builder.toJsonl(rows.value);
      return new File([text], `${shape}-${rows.value.length}.jsonl`, { type: 'application/jsonl' });
    },
  };
}

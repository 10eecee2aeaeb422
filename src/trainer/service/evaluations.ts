/** The page's calls about evaluations: suites, answers, figures, and the rows behind them. */
import type {
  EvaluationHead,
  EvaluationRecord,
  EvaluationRows,
  RowFilter,
  StoredEvaluation,
  SuiteFileReport,
} from '../../api/evaluations.ts';
import type { TrainerApi } from '../../api/trainer-api.ts';
import { parseRefusalPhrases, refusalPhrases } from '../../alttrain/judge.ts';
import { parseColumns } from '../../data/column-mapping.ts';
import { compareRuns, type ComparedRun } from '../../evaluation/compare-runs.ts';
import { filterRows, rowsAsCsv, rowsAsJsonl } from '../../evaluation/filters.ts';
import { leaksInData } from '../../evaluation/leaks-in-data.ts';
import { TrainerError } from '../../support/trainer-error.ts';
import type { Current } from './current.ts';
import {
  continueEvaluation,
  judgedEvaluation,
  readSuiteFile,
  startEvaluation,
  suitesOf,
  type EvaluationWatch,
  type JudgedEvaluation,
} from '../evaluations.ts';
import { askJudge, judgeEvaluation } from '../judge-answers.ts';
import { noStore } from '../stored-runs.ts';

/** The problems of a file that are shown. */
const shownProblems = 20;

export const evaluationCalls = (current: Current) => {
  const opened = openedEvaluations(current);
  const asking = <T>(
    onProgress: EvaluationWatch['onProgress'],
    action: (watch: EvaluationWatch) => Promise<T>,
  ): Promise<T> =>
    current.exclusively('evaluating', async () => {
      (await current.engine()).assertHealthy();
      opened.forget();
      return current.cancellable('evaluating', (signal) => action({ signal, onProgress }));
    });

  /** With other verdicts or phrases. Its figures are made again from what is kept. */
  const judgeAnew = async (
    id: string,
    change: { readonly add?: readonly EvaluationRecord[]; readonly head?: Partial<EvaluationHead> },
  ): Promise<StoredEvaluation> => {
    const { add = [], head = {} } = change;
    const store = await current.trainer.evaluations();
    const { evaluation, suites, records, log } = await store.open(id);
    try {
      if (evaluation.results === null)
        throw new TrainerError('not-ready', 'Verdicts can be changed when all answers are there.');
      const changed = { ...evaluation, ...head };
      const judged = await judgedEvaluation({ evaluation: changed, suites, records: [...records, ...add] });
      await log.append(add, { ...head, results: judged.results });
      opened.remember(id, judged);
      return { ...log.stored, isHeld: false };
    } finally {
      log.close();
    }
  };

  return {
    readSuites: async (file): Promise<SuiteFileReport> => {
      const { suites, rejected, ...read } = await readSuiteFile(current.trainer, file);
      return {
        ...read,
        suites: suites.map(({ name, kind, rows }) => ({ name, kind, rows: rows.length })),
        rejected: rejected.slice(0, shownProblems),
        rejectedRows: rejected.length,
      };
    },
    startEvaluation: (request, onProgress) =>
      asking(onProgress, (watch) => startEvaluation(current.requireModel(), current.run, request, watch)),
    continueEvaluation: (id, onProgress) =>
      asking(onProgress, (watch) => continueEvaluation(current.requireModel(), current.run, id, watch)),
    judgeEvaluation: (id, kind, onProgress) =>
      asking(onProgress, (watch) => judgeEvaluation(current.requireModel(), id, kind, watch)),
    askJudge: (question) =>
      current.exclusively('evaluating', async () => {
        (await current.engine()).assertHealthy();
        return askJudge(current.requireModel(), question);
      }),
    pauseEvaluation: async () => current.cancel('evaluating'),

    listEvaluations: async () => (await current.trainer.evaluations()).list(),
    removeEvaluation: async (id) => (await current.trainer.evaluations()).remove(id),

    evaluationRows: async (id, filter, { first, count }): Promise<EvaluationRows> => {
      const { rows: all, missing } = await opened.of(id);
      const rows = filterRows(all, filter);
      const group = filterRows(all, groupOf(filter));
      const categories = new Set(group.flatMap(({ row }) => row.category ?? []));
      return {
        total: rows.length,
        rows: rows.slice(first, first + count),
        categories: [...categories].sort(),
        missing,
      };
    },
    overruleVerdict: (id, verdict) => judgeAnew(id, { add: [{ kind: 'overrule', ...verdict }] }),
    refusalPhrasesOf: async (id) =>
      (await (await current.trainer.evaluations()).read(id)).evaluation.phrases ?? refusalPhrases,
    useRefusalPhrases: (id, phrases) =>
      judgeAnew(id, { head: { phrases: phrases === null ? null : parseRefusalPhrases(phrases) } }),
    checkLeakage: async (files, data, columns) =>
      leaksInData(
        await suitesOf(current.trainer, { files, sampleRows: null, sampleSeed: 0 }),
        await current.trainer.openDataset(data),
        { reading: { systemPrompt: '', columns: parseColumns(columns) } },
      ),
    compareRuns: async (runIds) => {
      const runs = await current.trainer.runs();
      if (runs === null) throw noStore();
      const evaluations = await (await current.trainer.evaluations()).list();
      const compared = runIds.map(async (runId): Promise<ComparedRun> => {
        const { run } = await runs.read(runId);
        // The newest comes first.
        const own = evaluations.find(({ adapter, results }) => adapter?.runId === runId && results !== null);
        return {
          runId,
          model: run.model.name,
          results: own?.results ?? null,
          before: run.before,
          after: run.after,
        };
      });
      return compareRuns(await Promise.all(compared));
    },
    exportEvaluation: async (id, format, filter) => {
      const rows = filterRows((await opened.of(id)).rows, filter);
      return format === 'csv'
        ? new Blob([rowsAsCsv(rows)], { type: 'text/csv' })
        : new Blob([rowsAsJsonl(rows)], { type: 'application/jsonl' });
    },
  } satisfies Partial<TrainerApi>;
};

const groupOf = ({ suite, label }: RowFilter): RowFilter => ({
  ...(suite === undefined ? {} : { suite }),
  ...(label === undefined ? {} : { label }),
});

/** The one whose rows were asked for last stays judged: a table is paged and filtered. */
function openedEvaluations(current: Current) {
  let last: { readonly id: string; readonly judged: JudgedEvaluation } | null = null;
  return {
    forget: () => {
      last = null;
    },
    remember: (id: string, judged: JudgedEvaluation) => {
      last = { id, judged };
    },
    async of(id: string): Promise<JudgedEvaluation> {
      if (last?.id === id) return last.judged;
      const judged = await judgedEvaluation(await (await current.trainer.evaluations()).read(id));
      if (judged.missing === 0) last = { id, judged }; // what is under way grows
      return judged;
    },
  };
}

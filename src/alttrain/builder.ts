/** The builder as page and command line use it: files are added, then datasets are built from them. */
import type { BuilderApi, BuildOptions, HarmLabel, SourceReport } from '../api/builder-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { buildDataset, editedRow, questionsFor, toJsonl } from './build-dataset.ts';
import { mostRows, poolsOf } from './choose-rows.ts';
import { shapes } from './shapes.ts';
import { readSourceRows, type SourceRows } from './source-rows.ts';
import { defaultTemplates, parseTemplates } from './templates.ts';
import { firstSentenceOf } from './understanding.ts';

export function createBuilder(): BuilderApi {
  const sources = new Map<number, SourceRows>();
  const harmCategories = Object.keys(defaultTemplates.reasons);
  let nextId = 1;
  const allRows = () => [...sources.values()].flatMap(({ rows }) => rows);

  return {
    describe: () =>
      Promise.resolve({
        shapes: shapes.map(({ id, title, about }) => ({ id, title, about })),
        templates: defaultTemplates,
      }),
    addSource: async (role, name, file) => {
      const id = nextId++;
      const read = await readSourceRows(file, { id, name, role }, harmCategories);
      if (read.rows.length === 0) throw noRow(name, read);
      sources.set(id, read);
      return reportOf(id, name, role, read);
    },
    removeSource: (id) => {
      sources.delete(id);
      return Promise.resolve();
    },
    mostRows: (options) => Promise.resolve(mostRows(poolsOf(allRows(), options), options.harmfulShare)),
    questions: async (what, options, written) => questionsFor(what, allRows(), checked(options), written),
    build: async (options, written) => buildDataset(allRows(), checked(options), written),
    edited: (row, instruction, response) => Promise.resolve(editedRow(row, instruction, response)),
    toJsonl: (rows) => Promise.resolve(toJsonl(rows)),
  };
}

/** Templates come from a form or a file: they are read here, once for both. @throws TrainerError "config-invalid" */
const checked = (options: BuildOptions): BuildOptions => ({
  ...options,
  templates: parseTemplates(options.templates),
});

function noRow(name: string, { totalRows, rejected }: SourceRows): TrainerError {
  const listed = rejected.slice(0, 3).map(({ line, reason }) => `row ${line} ${reason}`);
  return new TrainerError(
    'dataset-empty',
    totalRows === 0
      ? `${name} holds no rows.`
      : `None of the ${totalRows} rows of ${name} can be used:\n${listed.join('\n')}`,
  );
}

function reportOf(
  id: number,
  name: string,
  role: HarmLabel,
  { rows, rejected, totalRows, unusedColumns, answerLabels }: SourceRows,
): SourceReport {
  const traces = rows.filter(({ thought }) => thought !== null && thought !== '');
  return {
    id,
    name,
    role,
    totalRows,
    harmful: rows.filter(({ label }) => label === 'harmful').length,
    benign: rows.filter(({ label }) => label === 'benign').length,
    labelledByRow: rows.filter(({ labelByRow }) => labelByRow).length,
    withTrace: traces.length,
    understandingFound: traces.filter(({ thought }) => firstSentenceOf(thought ?? '').isUnderstanding).length,
    rejected,
    unusedColumns,
    answerLabels,
  };
}

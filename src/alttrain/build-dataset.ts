/** Source rows, options and what a model wrote → the rows of a dataset, and its counts. A pure function of its arguments. */
import type {
  BuilderProblem,
  BuildOptions,
  BuildReport,
  BuildResult,
  BuiltRow,
  HarmLabel,
  Question,
  Written,
} from '../api/builder-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { chooseRows, isAnsweredInFile, lackOf, poolsOf, problemOf } from './choose-rows.ts';
import { countWords, lengthsOf } from './lengths.ts';
import { recogniseTrace } from './recognise.ts';
import { briefQuestion, renderRow, type Rendered } from './render-row.ts';
import { needsTrace, shapeOf } from './shapes.ts';
import { traceOf, type SourceRow } from './source-rows.ts';
import { fillIn } from './templates.ts';
import { assessmentIn } from './written.ts';

export const nothingWritten: Written = { traces: {}, assessments: {} };

/** What a model is to be asked for the rows that will be chosen. */
export function questionsFor(
  what: keyof Written,
  rows: readonly SourceRow[],
  options: BuildOptions,
  written: Written,
): Question[] {
  const shape = shapeOf(options.shape);
  const chosen = chooseRows(poolsOf(rows, options), options);
  if (what === 'traces')
    return chosen
      .filter((row) => needsTrace(shape[row.label]) && (row.thought ?? '') === '')
      .map(({ key, question }) => ({ key, prompt: question }));
  return chosen
    .filter(
      (row) => shape[row.label].thought.includes('assessment') && withTrace(row, options, written) !== null,
    )
    .map(({ key, question }) => ({
      key,
      prompt: fillIn(options.templates.askModel, { question: briefQuestion(question) }),
    }));
}

/** @throws TrainerError "config-invalid" (too few rows for the mix), "dataset-empty" (no row is left) */
export function buildDataset(
  rows: readonly SourceRow[],
  options: BuildOptions,
  written: Written,
): BuildResult {
  const pools = poolsOf(rows, options);
  const chosen = chooseRows(pools, options);
  const built: BuiltRow[] = [];
  const failed: BuilderProblem[] = [];
  let discarded = 0;
  for (const source of chosen) {
    const row = withTrace(source, options, written);
    if (row === null) {
      failed.push(problemOf(source, { code: 'row-no-trace', reason: 'got no usable trace from the model' }));
      continue;
    }
    const reply = options.writeAssessments ? written.assessments[row.key] : undefined;
    const assessment = reply === undefined ? null : assessmentIn(reply, row.label);
    if (reply !== undefined && assessment === null) discarded++;
    const rendered = renderRow(row, shapeOf(options.shape), options.templates, options.seed, assessment);
    // Asked of the source: what a model has written is not the file's answer.
    built.push(describeRow(row, isAnsweredInFile(source), rendered));
  }
  if (built.length === 0)
    throw new TrainerError(
      'dataset-empty',
      `None of the ${chosen.length} chosen rows could be made: ${failed[0]?.reason ?? 'the count is 0'}.`,
    );
  const usable = pools.harmful.length + pools.benign.length;
  return {
    rows: built,
    report: {
      ...countsOf(built),
      shape: options.shape,
      seed: options.seed,
      usable,
      unused: usable - chosen.length,
      unfit: pools.unfit,
      failed,
      assessmentsDiscarded: discarded,
    },
  };
}

/** The row with the trace a model wrote for it, where it has none; null where that cannot be used. */
function withTrace(row: SourceRow, options: BuildOptions, { traces }: Written): SourceRow | null {
  const reply = traces[row.key];
  const complete = reply === undefined ? row : { ...row, ...traceOf(reply, true) };
  return lackOf(complete, { ...options, writeTraces: false, onlyRefused: false }) === null ? complete : null;
}

function describeRow(row: SourceRow, isAnswered: boolean, rendered: Rendered): BuiltRow {
  const { parts, verdict } = recogniseTrace(rendered.response);
  const { key, label, file, line, categories } = row;
  return {
    key,
    label,
    file,
    line,
    category: categories.join(', '),
    isAnsweredInFile: isAnswered,
    ...rendered,
    parts,
    verdict,
  };
}

export function editedRow(row: BuiltRow, instruction: string, response: string): BuiltRow {
  const { parts, verdict } = recogniseTrace(response);
  return { ...row, instruction, response, parts, verdict };
}

type Counts = Omit<
  BuildReport,
  'shape' | 'seed' | 'usable' | 'unused' | 'unfit' | 'failed' | 'assessmentsDiscarded'
>;

function countsOf(rows: readonly BuiltRow[]): Counts {
  const having = <K extends keyof BuiltRow>(field: K, value: BuiltRow[K]): number =>
    rows.filter((row) => row[field] === value).length;
  const responses = (label: HarmLabel): number[] =>
    rows.filter((row) => row.label === label).map(({ response }) => countWords(response));
  const some = (values: number[]) => (values.length === 0 ? null : lengthsOf(values));
  return {
    rows: rows.length,
    harmful: having('label', 'harmful'),
    benign: having('label', 'benign'),
    understanding: {
      trace: having('understandingFrom', 'trace'),
      template: having('understandingFrom', 'template'),
      none: having('understandingFrom', 'none'),
    },
    assessment: {
      model: having('assessmentFrom', 'model'),
      template: having('assessmentFrom', 'template'),
      none: having('assessmentFrom', 'none'),
    },
    answeredInFile: having('isAnsweredInFile', true),
    recognised: rows.filter(({ label, verdict }) => verdict.kind === label).length,
    words: {
      sample: lengthsOf(
        rows.map(({ instruction, response }) => countWords(instruction) + countWords(response)),
      ),
      response: lengthsOf(rows.map(({ response }) => countWords(response))),
      harmful: some(responses('harmful')),
      benign: some(responses('benign')),
    },
  };
}

/** One JSON object per line, under R1-Act's field names; where a row is from and how it was made beside them. */
export function toJsonl(rows: readonly BuiltRow[]): string {
  return rows
    .map(({ instruction, response, label, category, file, line }) =>
      JSON.stringify({
        instruction,
        response,
        label,
        ...(category === '' ? {} : { category }),
        source: `${file}:${line}`,
      }),
    )
    .map((text) => `${text}\n`)
    .join('');
}

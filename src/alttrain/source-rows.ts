/**
 * A file of prompts and responses to source rows: question, thought, answer, label, category. One question and one
 * response each; a response without </think> is an answer, except for GSM8K's worked ones ("#### 18"), whose steps are
 * a thought. Every row of the file is a source row or a problem with its line and reason.
 */
import type { FileBytes } from '../api/file-bytes.ts';
import type { BuilderProblem, HarmLabel } from '../api/builder-api.ts';
import type { UnusedColumn } from '../api/trainer-api.ts';
import type { ByteProgress } from '../data/byte-chunks.ts';
import { excerptOf, type RawRow } from '../data/raw-row.ts';
import { openRows } from '../data/read-rows.ts';
import { UnusedColumns } from '../data/unused-columns.ts';
import { isRowProblem } from '../data/chat-example.ts';
import { categoriesOf, categoryField, labelOf, type Fields } from './harm-label.ts';
import { traceTextOf } from './parts.ts';
import { readSourcePair, type SourcePair } from './source-pair.ts';

export interface SourceRow {
  readonly key: string;
  readonly file: string;
  readonly line: number;
  readonly question: string;
  readonly thought: string | null; // null: there is no trace
  readonly answer: string; // empty: none, or the thought has not ended
  readonly isFinished: boolean; // the thought has its end
  readonly label: HarmLabel;
  readonly labelByRow: boolean;
  readonly categories: readonly string[];
}

export interface SourceRows {
  readonly rows: readonly SourceRow[];
  readonly rejected: readonly BuilderProblem[];
  readonly totalRows: number;
  readonly unusedColumns: readonly UnusedColumn[];
  readonly answerLabels: readonly string[];
}

/** @throws TrainerError "dataset-unreadable" */
export async function readSourceRows(
  blob: FileBytes,
  file: { readonly id: number; readonly name: string; readonly role: HarmLabel },
  harmCategories: readonly string[],
  progress: ByteProgress = {},
): Promise<SourceRows> {
  const { batches } = await openRows(blob, file.name, progress);
  const rejected: BuilderProblem[] = [];
  const rows: SourceRow[] = [];
  const unused = new UnusedColumns();
  const answerLabels = new Set<string>();
  for await (const batch of batches)
    for (const row of batch) {
      if (isRowProblem(row)) {
        rejected.push({ ...row, file: file.name });
        continue;
      }
      const read = readSourceRow(row, file, harmCategories);
      if ('reason' in read) {
        rejected.push({ ...read, line: row.line, file: file.name, excerpt: excerptOf(row.value) });
        unused.addRejected(row.value);
        continue;
      }
      rows.push(read.row);
      unused.addUsed(read.unused);
      for (const name of read.answerLabels) answerLabels.add(name);
    }
  const totalRows = rows.length + rejected.length;
  return {
    rows,
    rejected,
    totalRows,
    unusedColumns: unused.list(totalRows),
    answerLabels: [...answerLabels],
  };
}

interface ReadSourceRow {
  readonly row: SourceRow;
  readonly unused: readonly string[];
  readonly answerLabels: readonly string[];
}

function readSourceRow(
  { line, value }: RawRow,
  file: { readonly id: number; readonly name: string; readonly role: HarmLabel },
  harmCategories: readonly string[],
): ReadSourceRow | Pick<BuilderProblem, 'code' | 'reason'> {
  const pair: SourcePair | Pick<BuilderProblem, 'code' | 'reason'> = readSourcePair({ line, value });
  if ('reason' in pair) return pair;
  const { question, response } = pair;
  const fields = value as Fields;
  const labelled = labelOf(fields, file.role, harmCategories, response !== '');
  if (labelled.problem !== null) return { code: 'row-label', reason: labelled.problem };
  const used = [...labelled.read, categoryField(fields)];
  return {
    row: {
      key: `${file.id}:${line}`,
      file: file.name,
      line,
      question,
      ...traceOf(response),
      label: labelled.label,
      labelByRow: labelled.byRow,
      categories: categoriesOf(fields),
    },
    unused: pair.unused.filter((name) => !used.includes(name)),
    answerLabels: labelled.ofAnswer,
  };
}

type TraceFields = Pick<SourceRow, 'thought' | 'answer' | 'isFinished'>;

/** Also reads what a model wrote, which may begin inside its thought. */
export function traceOf(response: string, startsInThought = false): TraceFields {
  const { opening, thought, closing, answer } = traceTextOf(response);
  if (closing !== '') return { thought: thought.trim(), answer: answer.trim(), isFinished: true };
  if (opening !== '' || startsInThought) return { thought: thought.trim(), answer: '', isFinished: false };
  const worked = /^([\s\S]+?)\n?####\s*(.+?)\s*$/.exec(response);
  if (worked === null) return { thought: null, answer: response.trim(), isFinished: false };
  const steps = worked[1].replace(/<<[^<>]*>>/g, '').trim(); // GSM8K's calculator marks
  return { thought: steps, answer: `The answer is ${worked[2]}.`, isFinished: true };
}

/**
 * A file of prompts and responses to source rows: question, thought, answer, label, category. One question and one
 * response each; a response without </think> is an answer, except for GSM8K's worked ones ("#### 18"), whose steps are
 * a thought. Every row of the file is a source row or a problem with its line and reason.
 */
import type { BuilderProblem, HarmLabel } from '../api/builder-api.ts';
import type { ByteProgress } from '../data/byte-chunks.ts';
import { excerptOf, type RawRow } from '../data/raw-row.ts';
import { openRows } from '../data/read-rows.ts';
import { isRowProblem, toChatExample } from '../data/chat-example.ts';
import { categoriesOf, labelOf, type Fields } from './harm-label.ts';
import { traceTextOf } from './parts.ts';

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
}

const questionFields = ['instruction', 'prompt', 'question', 'query', 'problem', 'goal'];
const responseFields = ['response', 'completion', 'answer', 'output', 'solution', 'target'];

/** @throws TrainerError "dataset-unreadable" */
export async function readSourceRows(
  blob: Blob,
  file: { readonly id: number; readonly name: string; readonly role: HarmLabel },
  harmCategories: readonly string[],
  progress: ByteProgress = {},
): Promise<SourceRows> {
  const { batches } = await openRows(blob, file.name, progress);
  const rejected: BuilderProblem[] = [];
  const rows: SourceRow[] = [];
  for await (const batch of batches)
    for (const row of batch) {
      const read = isRowProblem(row) ? row : readRow(row);
      if (isRowProblem(row)) rejected.push({ ...row, file: file.name });
      else if ('reason' in read)
        rejected.push({ ...read, line: row.line, file: file.name, excerpt: excerptOf(row.value) });
      else rows.push(sourceRow(row, read, file, harmCategories));
    }
  return { rows, rejected, totalRows: rows.length + rejected.length };
}

function sourceRow(
  { line, value }: RawRow,
  { question, response }: Pair,
  file: { readonly id: number; readonly name: string; readonly role: HarmLabel },
  harmCategories: readonly string[],
): SourceRow {
  const fields = value as Fields;
  const { label, byRow } = labelOf(fields, file.role, harmCategories);
  return {
    key: `${file.id}:${line}`,
    file: file.name,
    line,
    question,
    ...traceOf(response),
    label,
    labelByRow: byRow,
    categories: categoriesOf(fields),
  };
}

type Refusal = Pick<BuilderProblem, 'code' | 'reason'>;
interface Pair {
  readonly question: string;
  readonly response: string; // empty: prompts only
}

function readRow({ line, value }: RawRow): Pair | Refusal {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { code: 'row-shape', reason: 'is no object with a question in it' };
  const row = value as Fields;
  if (['messages', 'conversations'].some((field) => row[field] !== undefined) || Array.isArray(row['prompt']))
    return readConversation({ line, value });
  const question = textField(row, questionFields);
  if (question === null)
    return { code: 'row-shape', reason: `has no question: one of ${questionFields.join(', ')}` };
  const input = row['input'];
  if (question.trim() === '') return { code: 'row-empty', reason: 'has an empty question' };
  if (row['instruction'] !== undefined && typeof input === 'string' && input.trim() !== '')
    return {
      code: 'row-shape',
      reason: 'has an "input" beside its "instruction"; put both into "instruction"',
    };
  const given = responseFields.find((field) => row[field] !== undefined && row[field] !== null);
  if (given !== undefined && typeof row[given] !== 'string')
    return { code: 'row-shape', reason: `has a "${given}" that is not text` };
  return { question: question.trim(), response: (textField(row, responseFields) ?? '').trim() };
}

function textField(row: Fields, names: readonly string[]): string | null {
  const text = names.map((name) => row[name]).find((field) => typeof field === 'string');
  return text ?? null;
}

function readConversation(raw: RawRow): Pair | Refusal {
  const example = toChatExample(raw);
  if (isRowProblem(example)) return { code: example.code, reason: example.reason };
  const { prompt, response } = example;
  if (prompt.length !== 1)
    return {
      code: 'row-shape',
      reason: `has ${prompt.length} turns before its response; the builder takes one question`,
    };
  return { question: prompt[0].content.trim(), response: response.trim() };
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

/**
 * A row, whatever its shape, as the messages of the prompt and the response to train.
 * Names and shapes are those of TRL's data set formats, ShareGPT, Alpaca, STAR-1 (question, response) and R1-Act and
 * SafeChain (instruction, response, label).
 */
import type { RowProblem } from '../api/trainer-api.ts';
import { mapColumns, type ColumnMapping } from './column-mapping.ts';
import { excerptOf, isProblem, type RawRow } from './raw-row.ts';
import { emptyRow, readMessages, shapeProblem, thoughtProblem, type Refusal } from './read-messages.ts';
import type { ChatMessage } from './tokenizer.ts';

export const rowShapes = [
  'messages',
  'conversations',
  'prompt/completion',
  'instruction/response',
  'instruction/input/output',
  'question/response',
  'text',
] as const;
export type RowShape = (typeof rowShapes)[number];

export interface ChatExample {
  readonly line: number;
  readonly shape: RowShape;
  /** Ends with a user's turn; empty for "text". */
  readonly prompt: readonly ChatMessage[];
  readonly response: string; // with its reasoning; all of it for "text"
}
type Read = Omit<ChatExample, 'line'> | Refusal;

export { isProblem as isRowProblem };

export interface ReadOptions {
  /** Put before rows that bring none of their own. */
  readonly systemPrompt: string;
  readonly columns: ColumnMapping;
}

/** Longer rows are refused before they are tokenized: no model has room for them. */
const MAX_CHARS = 1_000_000;
const loneSurrogate = /\p{Cs}/u;

export function toChatExample(
  { line, value }: RawRow,
  { systemPrompt, columns }: ReadOptions = { systemPrompt: '', columns: new Map() },
): ChatExample | RowProblem {
  const mapped = mapColumns(value, columns);
  const read = checkTexts('reason' in mapped ? mapped : readRow(mapped.value));
  if ('reason' in read) return { line, code: read.code, reason: read.reason, excerpt: excerptOf(value) };
  const needsSystem = systemPrompt !== '' && read.shape !== 'text' && read.prompt[0].role !== 'system';
  if (!needsSystem) return { line, ...read };
  return { line, ...read, prompt: [{ role: 'system', content: systemPrompt }, ...read.prompt] };
}

type Row = Readonly<Record<string, unknown>>;

/** The question's column, the answer's, and the shape that has both. */
const pairs = [
  ['prompt', 'completion', 'prompt/completion'],
  ['instruction', 'response', 'instruction/response'],
  ['instruction', 'output', 'instruction/input/output'],
  ['question', 'response', 'question/response'],
] as const;

function readRow(value: unknown): Read {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return shapeProblem(`is ${Array.isArray(value) ? 'a list' : excerptOf(value)}, not an object`);
  const row = value as Row;
  const has = (field: string): boolean => row[field] !== undefined && row[field] !== null;
  for (const field of ['messages', 'conversations'] as const)
    if (has(field)) return readConversation(row[field], field);
  for (const [question, answer, shape] of pairs)
    if (has(question) && has(answer)) return readPair(row, question, answer, shape);
  if (has('text')) return readText(row['text']);
  const names = Object.keys(row);
  if (names.length === 0) return shapeProblem('has no fields');
  const fields = `has the fields ${names.slice(0, 8).join(', ').slice(0, 200)}`;
  for (const [question, answer] of pairs) {
    if (has(question)) return shapeProblem(`has "${question}" but no "${answer}"; it ${fields}`);
    if (has(answer) && answer !== 'output')
      return shapeProblem(`has "${answer}" but no "${question}"; it ${fields}`);
  }
  return shapeProblem(fields);
}

function readPair(row: Row, question: string, answer: string, shape: RowShape): Read {
  const asked = readPrompt(row[question], question);
  if ('reason' in asked) return asked;
  const context = row['input'];
  if (question === 'instruction' && context !== undefined && context !== null && typeof context !== 'string')
    return shapeProblem('has an "input" that is not text');
  // Alpaca's third column belongs to the question: leaving it out would train on half of it.
  const hasContext = question === 'instruction' && typeof context === 'string' && context.trim() !== '';
  const prompt = hasContext ? withContext(asked, context) : asked;
  const answered = row[answer];
  if (typeof answered === 'string') return finish(shape, prompt, answered);
  if (shape !== 'prompt/completion') return shapeProblem(`has a "${answer}" that is not text`);
  const notOne = shapeProblem('has a "completion" that is not one message of the assistant');
  if (Array.isArray(answered) && answered.length !== 1) return notOne;
  const messages = readMessages(answered, answer);
  if ('reason' in messages) return messages;
  const [only] = messages;
  return only.role === 'assistant' ? finish(shape, prompt, only.content) : notOne;
}

function readPrompt(value: unknown, field: string): readonly ChatMessage[] | Refusal {
  if (typeof value === 'string') return [{ role: 'user', content: value }];
  if (field !== 'prompt') return shapeProblem(`has ${article(field)} "${field}" that is not text`);
  return readMessages(value, field);
}

const article = (word: string): string => (/^[aeiou]/.test(word) ? 'an' : 'a');

function withContext(prompt: readonly ChatMessage[], context: string): ChatMessage[] {
  return prompt.map(({ role, content }) => ({ role, content: `${content}\n\n${context}` }));
}

function readConversation(value: unknown, field: 'messages' | 'conversations'): Read {
  const messages = readMessages(value, field);
  if ('reason' in messages) return messages;
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return shapeProblem(`has "${field}" that do not end with the assistant`);
  return finish(field, messages.slice(0, -1), last.content);
}

function readText(value: unknown): Read {
  if (typeof value !== 'string') return shapeProblem('has a "text" that is not text');
  if (value.trim() === '') return emptyRow('has an empty "text"');
  return { shape: 'text', prompt: [], response: value };
}

function finish(shape: RowShape, prompt: readonly ChatMessage[], response: string): Read {
  const asked = prompt.at(-1);
  if (asked?.role !== 'user') return shapeProblem('has no turn of the user right before the response');
  const first = prompt.find(({ role }) => role !== 'system');
  if (first?.role !== 'user') return shapeProblem('starts with a turn of the assistant');
  if (asked.content.trim() === '') return emptyRow('has an empty question');
  if (response.trim() === '') return emptyRow('has an empty response');
  return thoughtProblem(response) ?? { shape, prompt, response };
}

function checkTexts(read: Read): Read {
  if ('reason' in read) return read;
  const texts = [...read.prompt.map(({ content }) => content), read.response];
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length > MAX_CHARS)
    return { code: 'row-too-long', reason: `has ${length} characters; at most ${MAX_CHARS} are read` };
  if (texts.some((text) => loneSurrogate.test(text)))
    return shapeProblem('holds half a character (a lone surrogate), as cut text does');
  return read;
}

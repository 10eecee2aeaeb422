/**
 * A row, whatever its shape, as the messages of the prompt and the response to train.
 * Names and shapes are those of TRL's data set formats and of R1-Act's released file (instruction, response).
 */
import type { RowProblem } from '../api/trainer-api.ts';
import { acceptedShapes, excerptOf, type RawRow } from './read-rows.ts';
import type { ChatMessage } from './tokenizer.ts';

export type RowShape = 'instruction/response' | 'prompt/completion' | 'messages';
export interface ChatExample {
  readonly line: number;
  readonly shape: RowShape;
  readonly prompt: readonly ChatMessage[]; // ends with a user's turn
  readonly response: string; // with its reasoning
}

export function isRowProblem(value: object): value is RowProblem {
  return 'code' in value && 'reason' in value;
}

export function toChatExample({ line, value }: RawRow): ChatExample | RowProblem {
  const read = readRow(value);
  if ('reason' in read) return { line, code: read.code, reason: read.reason, excerpt: excerptOf(value) };
  return { line, ...read };
}

interface Refusal {
  readonly code: 'row-shape' | 'row-empty';
  readonly reason: string;
}
const badShape = (reason: string): Refusal => ({ code: 'row-shape', reason: `${reason}. ${acceptedShapes}` });
const empty = (reason: string): Refusal => ({ code: 'row-empty', reason });

type Row = Readonly<Record<string, unknown>>;

function readRow(value: unknown): Omit<ChatExample, 'line'> | Refusal {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return badShape(`is ${Array.isArray(value) ? 'a list' : JSON.stringify(value)}, not an object`);
  const row = value as Row;
  const has = (field: string): boolean => row[field] !== undefined && row[field] !== null;
  if (has('instruction') && has('response')) return readInstruction(row);
  if (has('prompt') && has('completion')) return readPrompt(row);
  if (has('messages')) return readConversation(row['messages']);
  const pairs = [
    ['instruction', 'response'],
    ['prompt', 'completion'],
  ];
  for (const [first, second] of [...pairs, ...pairs.map((pair) => pair.toReversed())])
    if (has(first)) return badShape(`has "${first}" but no "${second}"`);
  const fields = Object.keys(row);
  return badShape(fields.length === 0 ? 'has no fields' : `has the fields ${fields.slice(0, 8).join(', ')}`);
}

function readInstruction(row: Row): Omit<ChatExample, 'line'> | Refusal {
  const { instruction, response, input } = row;
  if (typeof instruction !== 'string') return badShape('has an "instruction" that is not text');
  if (typeof response !== 'string') return badShape('has a "response" that is not text');
  // Alpaca's third column belongs to the question: leaving it out would train on half of it.
  if (typeof input === 'string' && input.trim() !== '')
    return badShape('has an "input" beside its "instruction"; put both into "instruction"');
  return finish('instruction/response', [{ role: 'user', content: instruction }], response);
}

function readPrompt(row: Row): Omit<ChatExample, 'line'> | Refusal {
  const { prompt, completion } = row;
  const asked =
    typeof prompt === 'string'
      ? [{ role: 'user', content: prompt } as const]
      : readMessages(prompt, 'prompt');
  if ('reason' in asked) return asked;
  if (typeof completion === 'string') return finish('prompt/completion', asked, completion);
  const answered = readMessages(completion, 'completion');
  if ('reason' in answered) return answered;
  if (answered.length !== 1 || answered[0].role !== 'assistant')
    return badShape('has a "completion" that is not one message of the assistant');
  return finish('prompt/completion', asked, answered[0].content);
}

function readConversation(value: unknown): Omit<ChatExample, 'line'> | Refusal {
  const messages = readMessages(value, 'messages');
  if ('reason' in messages) return messages;
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return badShape('has "messages" that do not end with the assistant');
  return finish('messages', messages.slice(0, -1), last.content);
}

const roles: readonly unknown[] = ['system', 'user', 'assistant'] satisfies ChatMessage['role'][];

function readMessages(value: unknown, field: string): readonly ChatMessage[] | Refusal {
  if (!Array.isArray(value)) return badShape(`has a "${field}" that is neither text nor a list of messages`);
  if (value.length === 0) return empty(`has an empty "${field}"`);
  for (const [index, message] of value.entries()) {
    const where = `message ${index + 1} of "${field}"`;
    if (typeof message !== 'object' || message === null) return badShape(`${where} is not an object`);
    const { role, content } = message as Row;
    if (!roles.includes(role))
      return badShape(
        `${where} has the role ${JSON.stringify(role)}; system, user and assistant are accepted`,
      );
    if (typeof content !== 'string') return badShape(`${where} has a "content" that is not text`);
    if (role === 'system' && index > 0) return badShape(`${where} is a system message that is not the first`);
    if (role !== 'system' && content.trim() === '') return empty(`${where} is empty`);
  }
  return value.map(({ role, content }: ChatMessage) => ({ role, content }));
}

function finish(
  shape: RowShape,
  prompt: readonly ChatMessage[],
  response: string,
): Omit<ChatExample, 'line'> | Refusal {
  const asked = prompt.at(-1);
  if (asked?.role !== 'user') return badShape('has no turn of the user right before the response');
  if (asked.content.trim() === '') return empty('has an empty question');
  if (response.trim() === '') return empty('has an empty response');
  return { shape, prompt, response };
}

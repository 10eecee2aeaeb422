/**
 * A row, whatever its shape, as the messages of the prompt and the response to train, and the names of what it holds
 * besides. Names and shapes are those of TRL's dataset formats, ShareGPT, Alpaca, Dolly, OpenOrca, STAR-1 (question,
 * response) and R1-Act and SafeChain (instruction, response, label).
 */
import type { RowProblem } from '../api/trainer-api.ts';
import { columnTargets, type ColumnMapping } from './column-mapping.ts';
import { excerptOf, isProblem, type RawRow } from './raw-row.ts';
import { orderProblem, readMessages, thoughtProblem } from './read-messages.ts';
import { readPair, withSystem, type Conversation, type PairLayout } from './read-pair.ts';
import { emptyRow, isRefusal, shapeProblem, type Refusal } from './refusal.ts';
import { badAnswerProblem, columnProblem, preferenceProblem } from './row-flags.ts';
import { RowFields, type Row } from './row-fields.ts';
import type { ChatMessage } from './tokenizer.ts';
import { weightOf } from './turn-weight.ts';

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
  /** A pair whose question or answer came as messages: it needs a chat template, as conversations do. */
  readonly isChat?: boolean;
  /** Of the row: every token of it counts so much. Absent: 1. */
  readonly weight?: number;
  /** Of each answer of the assistant, the response is the last; 0: not trained. Multiplied by the row's. Absent: all 1. */
  readonly answerWeights?: readonly number[];
  /** Fields that hold something and are used for nothing: "id", "messages[].name". Absent: none. */
  readonly unused?: readonly string[];
}
type Read = Pick<ChatExample, 'shape' | 'prompt' | 'response' | 'answerWeights' | 'isChat'> | Refusal;

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
  const refuse = ({ code, reason }: Refusal): RowProblem => ({
    line,
    code,
    reason,
    excerpt: excerptOf(value),
  });
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(shapeProblem(`is ${Array.isArray(value) ? 'a list' : excerptOf(value)}, not an object`));
  const fields = new RowFields(value as Row);
  const read = checkTexts(columns.size === 0 ? readRow(fields) : readMapped(fields, columns));
  if (isRefusal(read)) return refuse(read);
  // Of chosen columns nothing else is read: the weight is then told as unused.
  const weight = columns.size === 0 ? (weightOf(fields.read('weight'), '') ?? 1) : 1;
  if (typeof weight !== 'number') return refuse(weight);
  const unused = fields.unused();
  const { shape, response, answerWeights = [], isChat = false } = read;
  const needsSystem = systemPrompt !== '' && shape !== 'text' && read.prompt[0].role !== 'system';
  return {
    line,
    shape,
    prompt: needsSystem ? [{ role: 'system', content: systemPrompt }, ...read.prompt] : read.prompt,
    response,
    ...(isChat ? { isChat } : {}),
    ...(weight === 1 ? {} : { weight }),
    ...(answerWeights.every((own) => own === 1) ? {} : { answerWeights }),
    ...(unused.length === 0 ? {} : { unused }),
  };
}

const systemColumns = ['system', 'system_prompt'];
const ownPart = { context: ['input', 'context'], system: systemColumns, history: 'history' } as const;

/** The shapes with a question and an answer, in the order in which they are looked for. */
const pairs: readonly (PairLayout & { readonly shape: RowShape })[] = [
  {
    shape: 'prompt/completion',
    question: 'prompt',
    answer: 'completion',
    takesMessages: true,
    ...ownPart,
    context: [], // the prompt of a completion is whole
  },
  {
    shape: 'instruction/response',
    question: 'instruction',
    answer: 'response',
    takesMessages: false,
    ...ownPart,
  },
  {
    shape: 'instruction/input/output',
    question: 'instruction',
    answer: 'output',
    takesMessages: false,
    ...ownPart,
  },
  { shape: 'question/response', question: 'question', answer: 'response', takesMessages: false, ...ownPart },
];
const conversations = ['messages', 'conversations'] as const;

function readRow(fields: RowFields): Read {
  const read = readShape(fields);
  if (!isRefusal(read)) return columnProblem(fields) ?? read;
  return read;
}

/** The first shape whose columns are there and not all empty; where all are empty, the first of them says so. */
function readShape(fields: RowFields): Read {
  for (const isThere of [isSomething, isGiven]) {
    for (const field of conversations)
      if (isThere(fields, [field])) return judged(fields, readConversation(fields, field, systemColumns));
    for (const pair of pairs) if (hasPair(fields, pair, isThere)) return readColumns(fields, pair);
    if (isThere(fields, ['text'])) return readText(fields, 'text');
  }
  return preferenceProblem(fields) ?? missingProblem(fields);
}

type IsThere = (fields: RowFields, names: readonly string[]) => boolean;
const isGiven: IsThere = (fields, names) => names.some((name) => fields.isGiven(name));
const isSomething: IsThere = (fields, names) => names.some((name) => fields.isFilled(name));

function hasPair(fields: RowFields, { question, answer, context }: PairLayout, isThere: IsThere): boolean {
  const isAsked = fields.isGiven(question) || (fields.isKnown(question) && isSomething(fields, context));
  return isAsked && fields.isGiven(answer) && isThere(fields, [question, answer, ...context]);
}

function readColumns(fields: RowFields, pair: PairLayout & { readonly shape: RowShape }): Read {
  if (pair.question === 'instruction' && isSomething(fields, ['question']) && fields.isFilled('instruction'))
    return shapeProblem('has an "instruction" and a "question"; map the one that is asked');
  const read = finish(pair.shape, readPair(fields, pair));
  // Beside an instruction a label may as well be one of its harm.
  return pair.shape === 'prompt/completion'
    ? judged(fields, read)
    : (badAnswerProblem(fields, ['kto_tag']) ?? read);
}

function judged(fields: RowFields, read: Read): Read {
  return isRefusal(read)
    ? (preferenceProblem(fields) ?? read)
    : (badAnswerProblem(fields, ['label', 'kto_tag']) ?? read);
}

function missingProblem(fields: RowFields): Refusal {
  const { names } = fields;
  if (names.length === 0) return shapeProblem('has no fields');
  const listed = `has the fields ${names.slice(0, 8).join(', ').slice(0, 200)}`;
  for (const { question, answer } of pairs) {
    if (fields.isGiven(question)) return shapeProblem(`has "${question}" but no "${answer}"; it ${listed}`);
    if (fields.isGiven(answer) && answer !== 'output')
      return shapeProblem(`has "${answer}" but no "${question}"; it ${listed}`);
  }
  return shapeProblem(listed);
}

/** The columns that the user chose, and nothing else. */
function readMapped(fields: RowFields, columns: ColumnMapping): Read {
  for (const target of columnTargets) {
    const column = columns.get(target);
    if (column !== undefined && target !== 'system' && !fields.isGiven(column))
      return { code: 'row-shape', reason: `has no "${column}", the column chosen as ${target}` };
  }
  const [messages, text] = [columns.get('messages'), columns.get('text')];
  const system = [columns.get('system') ?? []].flat();
  if (messages !== undefined) return readConversation(fields, messages, system);
  if (text !== undefined) return readText(fields, text);
  const [question, answer] = [columns.get('prompt') ?? '', columns.get('completion') ?? ''];
  return finish(
    'prompt/completion',
    readPair(fields, { question, answer, context: [], system, history: null, takesMessages: true }),
  );
}

function readConversation(fields: RowFields, field: string, system: readonly string[]): Read {
  const own = readMessages(fields.read(field), field, fields.leaveOut);
  if (isRefusal(own)) return own;
  const turns = withSystem(fields, own, system);
  if (isRefusal(turns)) return turns;
  const last = turns.messages.at(-1);
  if (last?.role !== 'assistant') return shapeProblem(`has "${field}" that do not end with the assistant`);
  const shape = field === 'conversations' ? field : 'messages';
  return finish(shape, { ...turns, prompt: turns.messages.slice(0, -1), response: last.content });
}

function readText(fields: RowFields, field: string): Read {
  const value = fields.read(field);
  if (typeof value !== 'string') return shapeProblem(`has a "${field}" that is not text`);
  if (value.trim() === '') return emptyRow(`has an empty "${field}"`);
  return { shape: 'text', prompt: [], response: value };
}

function finish(shape: RowShape, read: Conversation | Refusal): Read {
  if (isRefusal(read)) return read;
  const { prompt, response, answerWeights, isChat } = read;
  const asked = prompt.at(-1);
  if (asked?.role !== 'user') return shapeProblem('has no turn of the user right before the response');
  const first = prompt.find(({ role }) => role !== 'system');
  if (first?.role !== 'user') return shapeProblem('starts with a turn of the assistant');
  for (const [index, message] of prompt.entries()) {
    const problem = orderProblem(message, prompt[index - 1], `turn ${index + 1}`);
    if (problem !== null) return problem;
  }
  if (asked.content.trim() === '') return emptyRow('has an empty question');
  if (response.trim() === '') return emptyRow('has an empty response');
  return thoughtProblem(response) ?? { shape, prompt, response, answerWeights, isChat };
}

function checkTexts(read: Read): Read {
  if (isRefusal(read)) return read;
  const texts = [...read.prompt.map(({ content }) => content), read.response];
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length > MAX_CHARS)
    return { code: 'row-too-long', reason: `has ${length} characters; at most ${MAX_CHARS} are read` };
  if (texts.some((text) => loneSurrogate.test(text)))
    return shapeProblem('holds half a character (a lone surrogate), as cut text does');
  return read;
}

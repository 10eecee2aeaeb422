/**
 * A question and its answer in columns of their own, and the columns that belong to them: Alpaca's `input` and Dolly's
 * `context` (part of the question), OpenOrca's `system_prompt` (a system message), Alpaca's `history` (turns before).
 */
import { jsonOf, NotJson } from './json-form.ts';
import { readContent } from './read-content.ts';
import { isListOfTurns, readMessages, type Turns } from './read-messages.ts';
import { isRefusal, shapeProblem, type Refusal } from './refusal.ts';
import { isEmptyCell, type RowFields } from './row-fields.ts';
import type { ChatMessage } from './tokenizer.ts';

export interface PairLayout {
  readonly question: string;
  readonly answer: string;
  /** Columns that follow the question after a blank line. */
  readonly context: readonly string[];
  readonly system: readonly string[];
  readonly history: string | null;
  /** Question and answer may be lists of messages, as TRL has them. */
  readonly takesMessages: boolean;
}

export interface Conversation {
  readonly prompt: readonly ChatMessage[];
  readonly response: string;
  /** Of each answer of the assistant; the response is the last. */
  readonly answerWeights: readonly number[];
  /** A pair whose question or answer came as messages. */
  readonly isChat?: boolean;
}

export function readPair(fields: RowFields, layout: PairLayout): Conversation | Refusal {
  const asked = readQuestion(fields, layout);
  if (isRefusal(asked)) return asked;
  const { history } = layout;
  const before = history === null ? noTurns : readHistory(fields, history);
  if (isRefusal(before)) return before;
  if (before.messages.length > 0 && isChatCell(fields.read(layout.question), layout))
    return shapeProblem(
      `has a "${history}" beside a "${layout.question}" that is a list of turns already: write all turns into the list`,
    );
  const turns = {
    messages: [...before.messages, ...asked.messages],
    answerWeights: [...before.answerWeights, ...asked.answerWeights],
  };
  const whole = withSystem(fields, turns, layout.system);
  if (isRefusal(whole)) return whole;
  const answer = readAnswer(fields, layout);
  if (isRefusal(answer)) return answer;
  const answerWeights = [...whole.answerWeights, ...answer.answerWeights];
  const isChat = [layout.question, layout.answer].some((name) => isChatCell(fields.read(name), layout));
  return { prompt: whole.messages, response: answer.messages[0].content, answerWeights, isChat };
}

const isChatCell = (value: unknown, { takesMessages }: PairLayout): boolean =>
  takesMessages &&
  (typeof value === 'string' ? isListOfTurns(value) : typeof value === 'object' && value !== null);

const noTurns: Turns = { messages: [], answerWeights: [] };

function readQuestion(fields: RowFields, { question, context, takesMessages }: PairLayout): Turns | Refusal {
  const value = fields.read(question) ?? '';
  if (takesMessages && (typeof value !== 'string' || isListOfTurns(value)))
    return readMessages(value, question, fields.leaveOut);
  if (typeof value !== 'string') return notText(question);
  const texts = [value];
  for (const name of context) {
    if (!fields.isFilled(name)) continue;
    const text = fields.read(name);
    if (typeof text !== 'string') return notText(name);
    texts.push(text);
  }
  const filled = texts.filter((text) => text.trim() !== '');
  return { messages: [{ role: 'user', content: filled.join('\n\n') }], answerWeights: [] };
}

function readAnswer(fields: RowFields, { answer, takesMessages }: PairLayout): Turns | Refusal {
  const value = fields.read(answer);
  if (typeof value === 'string' && !(takesMessages && isListOfTurns(value)))
    return { messages: [{ role: 'assistant', content: value }], answerWeights: [1] };
  if (!takesMessages) return notText(answer);
  const notOne = shapeProblem(`has a "${answer}" that is not one message of the assistant`);
  if (Array.isArray(value) && value.length !== 1) return notOne;
  const turns = readMessages(value, answer, fields.leaveOut);
  if (isRefusal(turns)) return turns;
  const { messages } = turns;
  return messages.length === 1 && messages[0].role === 'assistant' ? turns : notOne;
}

const notText = (name: string): Refusal =>
  shapeProblem(`has ${/^[aeiou]/.test(name) ? 'an' : 'a'} "${name}" that is not text`);

/** Alpaca's [[question, answer], …], or a list of messages; in a table the JSON text of either. */
function readHistory(fields: RowFields, name: string): Turns | Refusal {
  if (isEmptyCell(fields.peek(name))) return noTurns;
  const value = fields.read(name);
  const list = typeof value === 'string' ? jsonOf(value) : value;
  if (list instanceof NotJson && /^\s*[[({]/.test(value as string))
    return shapeProblem(`has a "${name}" that ${list.reason}`);
  if (!Array.isArray(list))
    return shapeProblem(`has a "${name}" that is no list of pairs of question and answer`);
  if (list.some((item) => !Array.isArray(item))) return readMessages(list, name, fields.leaveOut);
  const messages: ChatMessage[] = [];
  for (const [index, pair] of (list as unknown[][]).entries()) {
    const [question, answer] = pair;
    const isPair = pair.length === 2 && typeof question === 'string' && typeof answer === 'string';
    if (!isPair || question.trim() === '' || answer.trim() === '')
      return shapeProblem(`pair ${index + 1} of "${name}" is no question with its answer`);
    messages.push({ role: 'user', content: question }, { role: 'assistant', content: answer });
  }
  return { messages, answerWeights: list.map(() => 1) };
}

/** A conversation that has a system message of its own keeps it, as in LLaMA-Factory; the column is then not used. */
export function withSystem(fields: RowFields, turns: Turns, columns: readonly string[]): Turns | Refusal {
  const given = columns.filter((name) => fields.isFilled(name));
  if (given.length === 0) return turns;
  const own = turns.messages.find(({ role }) => role === 'system');
  const texts = new Set<string>();
  for (const name of given) {
    const text = readContent(fields.peek(name), `has a "${name}"`, (part) =>
      fields.leaveOut(`${name}[].${part}`),
    );
    if (typeof text !== 'string') return text;
    if (own === undefined || own.content === text) fields.read(name);
    texts.add(text);
  }
  if (own !== undefined) return turns;
  if (texts.size > 1) return shapeProblem(`has two system messages: ${given.join(' and ')}`);
  const [content] = texts;
  return { ...turns, messages: [{ role: 'system', content }, ...turns.messages] };
}

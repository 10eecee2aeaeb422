/**
 * Lists of turns as OpenAI, ShareGPT and TRL write them, and what is wrong with a turn. A turn that says more than its
 * words (a call of a tool, a picture, a weight) is followed or refused; other fields of a turn are left out and told.
 */
import { jsonOf, NotJson } from './json-form.ts';
import { readContent } from './read-content.ts';
import { emptyRow, isRefusal, shapeProblem, unsupported, type Refusal } from './refusal.ts';
import { isEmptyCell, isNothing, type Row } from './row-fields.ts';
import type { ChatMessage } from './tokenizer.ts';
import { turnWeightOf, weightFields } from './turn-weight.ts';
import { textOf } from '../support/text-of.ts';

export interface Turns {
  readonly messages: readonly ChatMessage[];
  /** Of each turn of the assistant, in order; 0: not trained. */
  readonly answerWeights: readonly number[];
}

/** Told the name of every field that holds something and is not used. */
export type LeaveOut = (name: string) => void;

const roleNames: Readonly<Record<string, ChatMessage['role']>> = {
  system: 'system',
  user: 'user',
  assistant: 'assistant',
  human: 'user',
  gpt: 'assistant',
};
const toolRoles = [
  ...['tool', 'function', 'ipython', 'observation', 'function_call', 'tool_call'],
  ...['tool_calls', 'tool_response', 'function_response'],
];

/** Fields that change what a turn says. */
const unsupportedFields: Readonly<Record<string, string>> = {
  tool_calls: 'calls of tools are',
  function_call: 'calls of functions are',
  ...Object.fromEntries(['image', 'images', 'image_url'].map((name) => [name, 'images are'])),
  ...Object.fromEntries(['audio', 'audios'].map((name) => [name, 'sound is'])),
  ...Object.fromEntries(['video', 'videos'].map((name) => [name, 'video is'])),
  train_detail: 'training a part of a turn is',
  training_detail: 'training a part of a turn is',
};
/** Where DeepSeek, Qwen and vLLM, OpenRouter, and gpt-oss have the thought of a turn. */
const thoughtFields = ['reasoning_content', 'reasoning', 'thinking'];

/** `value`: a list, or the JSON text of one, as CSV holds it. */
export function readMessages(value: unknown, field: string, leaveOut: LeaveOut): Turns | Refusal {
  const list = typeof value === 'string' && /^\s*[[{]/.test(value) ? jsonOf(value) : value;
  if (list instanceof NotJson) return shapeProblem(`has a "${field}" that ${list.reason}`);
  if (!Array.isArray(list))
    return shapeProblem(`has a "${field}" that is neither text nor a list of messages`);
  if (list.length === 0) return emptyRow(`has an empty "${field}"`);
  const messages: ChatMessage[] = [];
  const answerWeights: number[] = [];
  for (const [index, item] of list.entries()) {
    const where = `message ${index + 1} of "${field}"`;
    const turn = readTurn(item, { where, leaveOut: (name) => leaveOut(`${field}[].${name}`) });
    if (isRefusal(turn)) return turn;
    const problem = orderProblem(turn.message, messages.at(-1), where);
    if (problem !== null) return problem;
    if (turn.message.role === 'assistant') answerWeights.push(turn.weight);
    messages.push(turn.message);
  }
  return { messages, answerWeights };
}

/** Text that is the JSON of a list of turns, as a table holds the prompts of TRL's conversations. */
export function isListOfTurns(text: string): boolean {
  if (!text.trimStart().startsWith('[')) return false;
  const list = jsonOf(text);
  const isTurn = (item: unknown): boolean =>
    typeof item === 'object' && item !== null && ('role' in item || 'from' in item);
  return Array.isArray(list) && list.length > 0 && list.every(isTurn);
}

interface Turn {
  readonly message: ChatMessage;
  readonly weight: number;
}
interface Place {
  readonly where: string;
  readonly leaveOut: LeaveOut;
}

function readTurn(item: unknown, { where, leaveOut }: Place): Turn | Refusal {
  if (typeof item !== 'object' || item === null) return shapeProblem(`${where} is not an object`);
  const turn = item as Row;
  for (const [name, what] of Object.entries(unsupportedFields))
    if (!isEmptyCell(turn[name])) return unsupported(`${where} has "${name}": ${what} not supported`);
  const named = turn['role'] ?? turn['from'];
  const role = typeof named === 'string' && Object.hasOwn(roleNames, named) ? roleNames[named] : null;
  if (role === null) return roleProblem(named, where);
  const weight = turnWeightOf(turn, role, where);
  if (typeof weight !== 'number') return weight;
  const contentField = turn['content'] === undefined || turn['content'] === null ? 'value' : 'content';
  const content = readContent(turn[contentField], `${where} has a "content"`, (name) =>
    leaveOut(`${contentField}[].${name}`),
  );
  if (typeof content !== 'string') return content;
  if (role !== 'system' && content.trim() === '') return emptyRow(`${where} is empty`);
  const thought = role === 'assistant' ? thoughtOf(turn, where) : null;
  if (thought !== null && typeof thought !== 'string') return thought;
  const used = ['role', 'from', contentField, ...(role === 'assistant' ? usedByAnswers(turn) : [])];
  for (const name of Object.keys(turn)) if (!used.includes(name) && !isEmptyCell(turn[name])) leaveOut(name);
  if (role !== 'assistant') return { message: { role, content }, weight };
  // Where the reasoning has a field of its own, it goes to the place where templates write it.
  const whole =
    thought === null ? content : `<think>\n${thought.replace(/^\n+|\n+$/g, '')}\n</think>\n\n${content}`;
  return thoughtProblem(whole) ?? { message: { role, content: whole }, weight };
}

function roleProblem(named: unknown, where: string): Refusal {
  const shown = textOf(named, 80);
  if (typeof named === 'string' && toolRoles.includes(named))
    return unsupported(`${where} has the role ${shown}: turns of tools are not supported`);
  return shapeProblem(
    `${where} has the role ${shown}; system, user (human) and assistant (gpt) are accepted`,
  );
}

const usedByAnswers = (turn: Row): string[] => [
  ...thoughtFields.filter((name) => typeof turn[name] === 'string'),
  ...weightFields.filter((name) => turn[name] !== undefined),
];

function thoughtOf(turn: Row, where: string): string | null | Refusal {
  const given = thoughtFields.filter((name) => !isNothing(turn[name]) && typeof turn[name] !== 'boolean');
  if (given.length === 0) return null;
  const odd = given.find((name) => typeof turn[name] !== 'string');
  if (odd !== undefined) return shapeProblem(`${where} has a "${odd}" that is not text`);
  const thoughts = new Set(given.map((name) => (turn[name] as string).trim()));
  if (thoughts.size > 1)
    return shapeProblem(`${where} has several thoughts (${given.join(', ')}) that are not the same`);
  return turn[given[0]] as string;
}

export function orderProblem(
  { role }: ChatMessage,
  before: ChatMessage | undefined,
  where: string,
): Refusal | null {
  if (role === 'system')
    return before === undefined ? null : shapeProblem(`${where} is a system message that is not the first`);
  if (before?.role === role) return shapeProblem(`${where} is a second turn of the ${role} in a row`);
  return null;
}

/** A thought that is closed twice has no end that a model could learn. */
export function thoughtProblem(response: string): Refusal | null {
  const count = response.split('</think>').length - 1;
  return count > 1 ? shapeProblem(`has </think> ${count} times in one response`) : null;
}

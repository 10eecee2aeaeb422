/** Lists of turns as OpenAI, ShareGPT and TRL write them, and what is wrong with a turn. */
import { acceptedShapes } from './raw-row.ts';
import type { ChatMessage } from './tokenizer.ts';

export interface Refusal {
  readonly code: 'row-shape' | 'row-empty' | 'row-too-long';
  readonly reason: string;
}
export const shapeProblem = (reason: string): Refusal => ({
  code: 'row-shape',
  reason: `${reason}. ${acceptedShapes}`,
});
export const emptyRow = (reason: string): Refusal => ({ code: 'row-empty', reason });

type Row = Readonly<Record<string, unknown>>;

const roleNames: Readonly<Record<string, ChatMessage['role']>> = {
  system: 'system',
  user: 'user',
  assistant: 'assistant',
  human: 'user',
  gpt: 'assistant',
};

/** `value`: a list, or the JSON text of one, as CSV holds it. */
export function readMessages(value: unknown, field: string): readonly ChatMessage[] | Refusal {
  const list = typeof value === 'string' && value.trimStart().startsWith('[') ? parsed(value) : value;
  if (!Array.isArray(list))
    return shapeProblem(`has a "${field}" that is neither text nor a list of messages`);
  if (list.length === 0) return emptyRow(`has an empty "${field}"`);
  const messages: ChatMessage[] = [];
  for (const [index, item] of list.entries()) {
    const where = `message ${index + 1} of "${field}"`;
    const message = readMessage(item, where);
    if ('reason' in message) return message;
    const problem = orderProblem(message, messages.at(-1), where);
    if (problem !== null) return problem;
    messages.push(message);
  }
  return messages;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function readMessage(item: unknown, where: string): ChatMessage | Refusal {
  if (typeof item !== 'object' || item === null) return shapeProblem(`${where} is not an object`);
  const message = item as Row;
  const named = message['role'] ?? message['from'];
  const role = typeof named === 'string' && Object.hasOwn(roleNames, named) ? roleNames[named] : null;
  if (role === null)
    return shapeProblem(
      `${where} has the role ${(JSON.stringify(named) ?? 'undefined').slice(0, 80)}; system, user (human) and assistant (gpt) are accepted`,
    );
  const content = message['content'] ?? message['value'];
  if (typeof content !== 'string') return shapeProblem(`${where} has a "content" that is not text`);
  if (role !== 'system' && content.trim() === '') return emptyRow(`${where} is empty`);
  if (role !== 'assistant') return { role, content };
  const reasoning = message['reasoning_content'];
  const isThought = typeof reasoning === 'string' && reasoning.trim() !== '';
  // Where the reasoning has a field of its own, it goes to the place where templates write it.
  const whole = isThought
    ? `<think>\n${reasoning.replace(/^\n+|\n+$/g, '')}\n</think>\n\n${content}`
    : content;
  return thoughtProblem(whole) ?? { role, content: whole };
}

function orderProblem({ role }: ChatMessage, before: ChatMessage | undefined, where: string): Refusal | null {
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

/** What a turn says: text, or OpenAI's list of parts, of which only text can be trained here. */
import { shapeProblem, unsupported, type Refusal } from './refusal.ts';
import { isNothing, type Row } from './row-fields.ts';
import { textOf } from '../support/text-of.ts';

/** Of the chat completions, and of the responses API's input and output. */
const textTypes = ['text', 'input_text', 'output_text'];

/**
 * Parts are joined by a line break, as vLLM and llama.cpp do it for templates that know only text.
 * `subject`: how a reason begins, 'message 1 of "messages" has a "content"'. `leaveOut`: told of fields that are not used.
 */
export function readContent(
  value: unknown,
  subject: string,
  leaveOut: (name: string) => void,
): string | Refusal {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return shapeProblem(`${subject} that is not text`);
  const texts: string[] = [];
  for (const item of value as unknown[]) {
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      return shapeProblem(`${subject} with a part that is no object with a type`);
    const part = item as Row;
    const { type, text } = part;
    if (typeof type !== 'string' || !textTypes.includes(type))
      return unsupported(`${subject} with a part of type ${textOf(type, 80)}; only text is supported`);
    if (typeof text !== 'string') return shapeProblem(`${subject} with a part whose text is not text`);
    if (text.trim() !== '') texts.push(text);
    for (const name of Object.keys(part))
      if (name !== 'type' && name !== 'text' && !isNothing(part[name])) leaveOut(name);
  }
  return texts.join('\n');
}

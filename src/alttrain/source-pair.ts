/** The question of a builder's row and its response, where it has one; a row of more than these two is refused. */
import { isRowProblem, toChatExample } from '../data/chat-example.ts';
import type { RawRow } from '../data/raw-row.ts';
import { isListOfTurns } from '../data/read-messages.ts';
import { emptyRow, type Refusal } from '../data/refusal.ts';
import { columnProblem } from '../data/row-flags.ts';
import { RowFields, type Row } from '../data/row-fields.ts';

export interface SourcePair {
  readonly question: string;
  readonly response: string; // empty: prompts only
  readonly unused: readonly string[]; // names of what the row holds besides
}

const questionFields = [
  ...['instruction', 'prompt', 'question', 'query', 'problem', 'goal'],
  ...['forbidden_prompt', 'user_input'], // StrongREJECT, ToxicChat
];
const responseFields = [
  ...['response', 'completion', 'answer', 'output', 'solution', 'target'],
  'model_output', // ToxicChat
];
/** What would have to be read with the question. A "prompt" is taken to hold all of it. */
const questionParts = ['input', 'context'];
const turnsBefore = ['system', 'system_prompt', 'history'];

const shape = (reason: string): Refusal => ({ code: 'row-shape', reason });

export function readSourcePair({ line, value }: RawRow): SourcePair | Refusal {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return shape('is no object with a question in it');
  const fields = new RowFields(value as Row);
  const prompt = fields.peek('prompt');
  const isConversation =
    ['messages', 'conversations'].some((name) => fields.isFilled(name)) ||
    Array.isArray(prompt) ||
    (typeof prompt === 'string' && isListOfTurns(prompt));
  return isConversation ? readConversation({ line, value }) : (columnProblem(fields) ?? readPair(fields));
}

function readPair(fields: RowFields): SourcePair | Refusal {
  const isText = (name: string): boolean => typeof fields.peek(name) === 'string';
  const asked = questionFields.filter((name) => isText(name) && fields.isFilled(name));
  const [name] = asked;
  if (name === undefined)
    return questionFields.some(isText)
      ? emptyRow('has an empty question')
      : shape(`has no question: one of ${questionFields.join(', ')}`);
  if (name === 'instruction' && asked.includes('question'))
    return shape('has an "instruction" and a "question"; put both into "instruction"');
  const parts = name === 'prompt' ? turnsBefore : [...questionParts, ...turnsBefore];
  const part = parts.find((other) => fields.isFilled(other));
  if (part !== undefined)
    return shape(
      `has ${part === 'input' ? 'an' : 'a'} "${part}" beside its "${name}"; the builder takes one question: put both into "${name}"`,
    );
  const given = responseFields.find((other) => fields.isFilled(other));
  const response = given === undefined ? '' : fields.read(given);
  if (typeof response !== 'string') return shape(`has a "${given}" that is not text`);
  const question = fields.read(name) as string;
  return { question: question.trim(), response: response.trim(), unused: fields.unused() };
}

function readConversation(raw: RawRow): SourcePair | Refusal {
  const example = toChatExample(raw);
  if (isRowProblem(example)) return { code: example.code, reason: example.reason };
  const { prompt, response, unused = [], weight = 1, answerWeights = [1] } = example;
  if (prompt.length !== 1)
    return shape(`has ${prompt.length} turns before its response; the builder takes one question`);
  const [answerWeight] = answerWeights;
  if (weight * answerWeight === 0)
    return { code: 'row-no-target', reason: 'marks its answer as not to be trained' };
  // The answer that is built is another one: how much the old one counted says nothing of it.
  const left = [...(weight === 1 ? [] : ['weight']), ...(answerWeight === 1 ? [] : ['messages[].weight'])];
  return { question: prompt[0].content.trim(), response: response.trim(), unused: [...unused, ...left] };
}

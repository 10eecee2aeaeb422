/** Rows of datasets in every shape, made from a conversation that is known: what they mean is known with them. */
import type { Rng } from '../../../src/support/rng.ts';
import { chance, pick, type Change, type Json } from './cases.ts';
import { hostileTexts } from './tiny-bpe.ts';
import { textOf } from '../../../src/support/text-of.ts';

export interface Turn {
  role: string;
  content: string;
}
/** What a row means: turns, or one text. */
export type Meaning =
  | { readonly messages: readonly Turn[] }
  | { readonly text: string }
  | { readonly prompt: string; readonly completion: string };

export interface MadeRow {
  readonly row: Json;
  readonly meaning: Meaning;
  readonly changes: readonly Change[];
}

const questions = [
  'How many legs have three hens?',
  'Käse?',
  'What is 3 + 4?',
  'Name a tree,\nplease.',
  '你好 👋🏽',
  'Is 91 prime?  ',
  ' Why does a river bend?',
  '<b>bold</b> & {x}',
];
const answers = [
  'Six.',
  'Ja',
  '7',
  'Oak.\n',
  '你好',
  'No, 91 = 7 × 13.',
  'Water.\n\nAnd stone.',
  '<i>no</i>',
  '  two  spaces',
  '\nA line first.',
];
const thoughts = [
  'Three times two.',
  'Cheese.',
  '3 plus 4\n\nis 7.',
  'Okay,  think.',
  '91 = 7 × 13',
  '你好 is Chinese.',
];
const systems = ['Be brief.', 'You answer in one word.\nAlways.', 'Antworte auf Deutsch.'];

const harmless = (name: string): Change => ({ name, refusal: null });
const refusable = (name: string, refusal: RegExp): Change => ({ name, refusal });

const thoughtForms: readonly ((thought: string, answer: string) => string)[] = [
  (_, answer) => answer,
  (_, answer) => answer,
  (thought, answer) => `<think>\n${thought}\n</think>\n\n${answer}`,
  (thought, answer) => `<think>\n${thought}\n</think>\n\n${answer}`,
  (thought, answer) => `<think>${thought}</think>${answer}`,
  (thought, answer) => `<think>\n${thought}\n</think>\n${answer}`,
  (thought, answer) => `<think>\n\n${thought}\n\n</think>\n\n\n${answer}`,
  (_, answer) => `<think>\n\n</think>\n\n${answer}`,
  (_, answer) => `<think></think>${answer}`,
  (_, answer) => `<think> </think> ${answer}`,
  (thought, answer) => `\n<think>\n${thought}\n</think>\n\n${answer}`,
  (thought, answer) => `<think>\r\n${thought}\r\n</think>\r\n\r\n${answer}`,
];
const oddThoughts: readonly (readonly [
  string,
  (thought: string, answer: string) => string,
  RegExp | null,
])[] = [
  ['a thought that is not closed', (thought) => `<think>\n${thought}`, /think/],
  ['a thought that is not opened', (thought, answer) => `${thought}\n</think>\n\n${answer}`, /think/],
  ['text before <think>', (thought, answer) => `Well. <think>\n${thought}\n</think>\n\n${answer}`, /think/],
  [
    'two thoughts',
    (thought, answer) => `<think>\n${thought}\n</think>\n\n${answer}<think>x</think>`,
    /think/,
  ],
  [
    'an opening tag in the answer',
    (thought, answer) => `<think>\n${thought}\n</think>\n\n${answer} <think>`,
    /think/,
  ],
  [
    'a tag in the thought',
    (thought, answer) => `<think>\nA <think> tag. ${thought}\n</think>\n\n${answer}`,
    /think/,
  ],
  ['nothing after the thought', (thought) => `<think>\n${thought}\n</think>`, /think|empty/],
  ['the tag talked about', (_, answer) => `${answer} The \`<think>\` tag.`, /think/],
];

interface Options {
  /** Every turn of the assistant has a thought in the usual form. */
  readonly needsThoughts: boolean;
  readonly hasTemplate: boolean;
  readonly controlTokens: readonly string[];
}

export function makeRow(rng: Rng, options: Options): MadeRow {
  const changes: Change[] = [];
  const answer = (): string => {
    const [thought, said] = [pick(rng, thoughts), pick(rng, answers)];
    if (options.needsThoughts) return thoughtForms[2](thought, said);
    if (chance(rng, 0.12)) {
      const [name, form, refusal] = pick(rng, oddThoughts);
      changes.push({ name, refusal });
      return form(thought, said);
    }
    const index = rng.below(thoughtForms.length);
    if (index > 3) changes.push(harmless(`thought of form ${index}`));
    return thoughtForms[index](thought, said);
  };
  const question = (): string => {
    if (!chance(rng, 0.25)) return pick(rng, questions);
    const text = pick(
      rng,
      hostileTexts.filter((one) => one.trim() !== ''),
    );
    if (chance(rng, 0.3)) {
      changes.push(harmless('a control token in the question'));
      return `${pick(rng, questions)} ${pick(rng, options.controlTokens)} ${text}`;
    }
    changes.push(harmless(`hostile text ${hostileTexts.indexOf(text)}`));
    return text;
  };
  const shape = options.hasTemplate ? rng.below(9) : pick(rng, [2, 2, 4, 6, 8, 8, 0]);
  const turnCount = [0, 1, 3].includes(shape) ? pick(rng, [1, 1, 2, 3]) : 1;
  const messages: Turn[] = [];
  if ([0, 1, 3].includes(shape) && chance(rng, 0.3))
    messages.push({ role: 'system', content: pick(rng, systems) });
  for (let i = 0; i < turnCount; i++)
    messages.push({ role: 'user', content: question() }, { role: 'assistant', content: answer() });
  const made = shapes[shape](rng, messages, changes);
  const extra = addColumns(rng, made, changes);
  return { ...extra, changes };
}

type Shaped = Omit<MadeRow, 'changes'>;

const copyOf = (messages: readonly Turn[]): Turn[] => messages.map((turn) => ({ ...turn }));

const shapes: readonly ((rng: Rng, messages: readonly Turn[], changes: Change[]) => Shaped)[] = [
  (rng, messages, changes) => ({ row: { messages: dressed(rng, messages, changes) }, meaning: { messages } }),
  (rng, messages) => {
    const names: Record<string, string> = { user: 'human', assistant: 'gpt', system: 'system' };
    const conversations: Json[] = messages.map(({ role, content }) => ({
      from: names[role],
      value: content,
    }));
    if (messages[0].role === 'system' && chance(rng, 0.4))
      return {
        row: { system: messages[0].content, conversations: conversations.slice(1) },
        meaning: { messages },
      };
    return { row: { conversations }, meaning: { messages } };
  },
  (_, messages) => ({
    row: { prompt: messages[0].content, completion: messages[1].content },
    meaning: { messages },
  }),
  (rng, messages, changes) => ({
    row: {
      prompt: dressed(rng, messages.slice(0, -1), changes),
      completion: chance(rng, 0.8)
        ? [{ ...messages[messages.length - 1] }]
        : messages[messages.length - 1].content,
    },
    meaning: { messages },
  }),
  (rng, messages, changes) =>
    withSystem(rng, { instruction: messages[0].content, response: messages[1].content }, messages, changes),
  (rng, messages) => {
    const [asked, answered] = messages;
    const input = pick(rng, [undefined, null, '', 'Use whole numbers.', '  \n', 'a\tb']);
    const isText = typeof input === 'string' && input.trim() !== '';
    const row = {
      instruction: asked.content,
      ...(input === undefined ? {} : { input }),
      output: answered.content,
    };
    return {
      row,
      meaning: {
        messages: [
          { role: 'user', content: isText ? `${asked.content}\n\n${input}` : asked.content },
          answered,
        ],
      },
    };
  },
  (rng, messages, changes) =>
    withSystem(rng, { question: messages[0].content, response: messages[1].content }, messages, changes),
  (rng, messages, changes) =>
    withSystem(rng, { instruction: messages[0].content, response: messages[1].content }, messages, changes),
  (_, messages) => {
    const text = `${messages[0].content}\n${messages[1].content}`;
    return { row: { text }, meaning: { text } };
  },
];

/** Turns as other tools write them, with fields that change nothing. */
function dressed(rng: Rng, messages: readonly Turn[], changes: Change[]): unknown {
  const turns: Json[] = copyOf(messages).map((turn) => ({ ...turn }));
  for (const turn of turns) {
    if (chance(rng, 0.06))
      Object.assign(
        turn,
        pick<Json>(rng, [
          { tool_calls: null },
          { tool_calls: [] },
          { name: null },
          { weight: 1 },
          { weight: null },
          { function_call: null },
          { refusal: null },
          { reasoning_content: null },
          { reasoning_content: '' },
          { id: 3 },
          { thinking: null },
          { images: [] },
        ]),
      );
    const usual = /^<think>\n([^\n](?:[^]*[^\n])?)\n<\/think>\n\n([^\n][^]*)$/.exec(String(turn['content']));
    if (turn['role'] === 'assistant' && usual !== null && chance(rng, 0.4)) {
      const name = pick(rng, ['reasoning_content', 'reasoning_content', 'reasoning', 'thinking']);
      turn[name] = usual[1];
      turn['content'] = usual[2];
      changes.push(
        name === 'reasoning_content'
          ? harmless('reasoning_content')
          : refusable(`the thought as ${name}`, new RegExp(name)),
      );
    }
    if (chance(rng, 0.03)) {
      turn['content'] = [{ type: 'text', text: turn['content'] }];
      changes.push(refusable('content as parts', /content|part/));
    }
  }
  if (chance(rng, 0.05)) {
    changes.push(harmless('turns as JSON text'));
    return JSON.stringify(turns);
  }
  return turns;
}

function withSystem(rng: Rng, row: Json, messages: readonly Turn[], changes: Change[]): Shaped {
  if (!chance(rng, 0.15)) return { row, meaning: { messages } };
  const name = pick(rng, ['system', 'system_prompt']);
  const content = pick(rng, [...systems, '', null]);
  if (content === null || content === '') return { row: { [name]: content, ...row }, meaning: { messages } };
  changes.push(harmless(`a column ${name}`));
  return {
    row: { [name]: content, ...row },
    meaning: { messages: [{ role: 'system', content }, ...messages] },
  };
}

/** Columns beside, and what makes a row odd. */
function addColumns(rng: Rng, { row, meaning }: Shaped, changes: Change[]): Shaped {
  if (chance(rng, 0.25))
    Object.assign(
      row,
      pick<Json>(rng, [
        { id: 'x1' },
        { source: 'web' },
        { score: 3.5 },
        { category: 'closed_qa' },
        { label: 'safe' },
        { language: null },
        { tags: ['a'] },
        { meta: { a: 1 } },
        { idx: 0 },
      ]),
    );
  if (!chance(rng, 0.09)) return { row, meaning };
  const turns = (row['messages'] ?? row['conversations']) as Json[] | string | undefined;
  const odd: readonly (() => Change)[] = [
    () => (
      Object.assign(row, { tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] }),
      refusable('tools', /tools/)
    ),
    () => (Object.assign(row, { tools: [] }), harmless('tools []')),
    () => (Object.assign(row, { tools: null }), harmless('tools null')),
    () => (Object.assign(row, { images: ['a.png'] }), refusable('images', /images/)),
    () => {
      Object.assign(row, { history: [['Hi', 'Hello']] });
      // beside a question it is what was said before; beside whole conversations and texts nothing says where it belongs
      const question = row['instruction'] ?? row['question'] ?? row['prompt'];
      const isPair = 'messages' in meaning && typeof question === 'string' && !question.startsWith('[{');
      if (!isPair) return refusable('a history', /history/);
      const at = meaning.messages[0].role === 'system' ? 1 : 0;
      const before = [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ];
      (meaning.messages as Turn[]).splice(at, 0, ...before);
      return refusable('a history of a question', /history/);
    },
    () => (Object.assign(row, { history: [] }), harmless('an empty history')),
    ...(Array.isArray(turns)
      ? [
          () => (
            turns.push({ role: 'user', from: 'human', content: 'And?', value: 'And?' }),
            refusable('the user has the last word', /assistant/)
          ),
          () => {
            const first = turns.shift();
            // without its system message it is another conversation, and a whole one
            if ((first?.['role'] ?? first?.['from']) !== 'system' || !('messages' in meaning))
              return refusable('the first turn is missing', /assistant|user|empty/);
            (meaning.messages as Turn[]).shift();
            return harmless('the system message is missing');
          },
          () => (
            turns.splice(turns.length - 1, 0, {
              role: 'user',
              from: 'human',
              content: 'Please.',
              value: 'Please.',
            }),
            refusable('two turns of the user in a row', /in a row/)
          ),
          () => (
            turns.splice(1, 0, { role: 'system', from: 'system', content: 'Late.', value: 'Late.' }),
            refusable('a system message in the middle', /system/)
          ),
          () => (
            turns.splice(turns.length - 1, 0, { role: 'tool', from: 'tool', content: '42', value: '42' }),
            refusable('a turn of a tool', /tool/)
          ),
          () => (
            Object.assign(turns[0], { role: 'developer', from: 'developer' }),
            refusable('the role developer', /developer/)
          ),
          () => (
            Object.assign(turns[turns.length - 1], { content: '', value: '' }),
            refusable('an empty answer', /empty|reason/)
          ),
          () => (
            Object.assign(turns[turns.length - 1], { content: 42, value: 42 }),
            refusable('a number for an answer', /text|content/)
          ),
          () => (
            Object.assign(turns[turns.length - 1], {
              tool_calls: [{ type: 'function', function: { name: 'f', arguments: '{}' } }],
            }),
            refusable('a call of a tool', /tool_calls/)
          ),
          () => (
            Object.assign(turns[turns.length - 1], { weight: 0 }),
            refusable('an answer of weight 0', /weight/)
          ),
        ]
      : [
          () => {
            const name = pick(
              rng,
              Object.keys(row).filter((key) =>
                ['prompt', 'completion', 'instruction', 'response', 'output', 'question', 'text'].includes(
                  key,
                ),
              ),
            );
            row[name] = pick<unknown>(rng, ['', null, 7, ['a'], '  \n', { a: 1 }, 'half \ud800 a character']);
            return refusable(
              `${name} is ${textOf(row[name], 4_000)}`,
              new RegExp(`${name}|empty|question|response|text|surrogate|fields`),
            );
          },
        ]),
  ];
  changes.push(pick(rng, odd)());
  return { row, meaning };
}

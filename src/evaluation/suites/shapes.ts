/**
 * The published files of suites, by their columns: one entry each, with what a row of it asks and what is known of a right
 * answer. A table that several entries fit, or none, is refused by read-suite.ts, which says how to map it.
 */
import { lastBoxed } from '../judges/boxed.ts';
import { readOwnLabel } from '../../alttrain/harm-label.ts';
import { readMessages } from '../../data/read-messages.ts';
import type { Prompt } from '../../api/trainer-api.ts';
import type { Row } from '../../data/row-fields.ts';
import { choiceColumns, readChoices, type NumberFrom } from './choices.ts';
import { isRefusal, listOfTexts, textOf, type Columns, type Refusal } from './columns.ts';
import type { Expected, RowLabel, SuiteKind, SuiteRow } from './suite.ts';

export type RowDraft = Omit<SuiteRow, 'id'>;

export interface ShapeContext {
  readonly fileName: string;
  /** Said by the user: of all rows that have no label of their own. */
  readonly label: RowLabel | null;
  readonly numberFrom: NumberFrom;
}

export interface SuiteShape {
  readonly id: string;
  readonly title: string;
  /** null: the labels of its rows say it. */
  readonly kind: SuiteKind | null;
  /** `rows`: the first of the file. */
  fits(has: (...names: readonly string[]) => boolean, rows: readonly Row[]): boolean;
  read(columns: Columns, context: ShapeContext): RowDraft | Refusal;
  /** What a user should know of a suite read this way. */
  readonly note?: string;
}

const some = (rows: readonly Row[], column: string, pattern: RegExp): boolean =>
  rows.some((row) =>
    Object.entries(row).some(
      ([name, value]) => name.toLowerCase() === column && typeof value === 'string' && pattern.test(value),
    ),
  );

/** A request with a label that its shape or the user knows. */
function request(prompt: Prompt | Refusal, label: RowLabel, category: string | null): RowDraft | Refusal {
  if (isRefusalOf(prompt)) return prompt;
  return { prompt, expected: null, label, category };
}

const isRefusalOf = (value: Prompt | Refusal): value is Refusal =>
  typeof value === 'object' && !Array.isArray(value) && isRefusal(value);

function question(
  prompt: string | Refusal,
  expected: Expected | Refusal,
  category: string | null,
): RowDraft | Refusal {
  if (typeof prompt !== 'string') return prompt;
  if (isRefusal(expected)) return expected;
  return { prompt, expected, label: null, category };
}

const hasChoices = (has: (...names: readonly string[]) => boolean): boolean =>
  choiceColumns.some((name) => has(name)) || has('a', 'b');

const labelProblem = (reason: string): Refusal => ({ code: 'row-shape', reason });

/** The texts that are right: a text, a list, {"text": […]} of SQuAD, {"value", "aliases"} of TriviaQA. */
export function answersOf(value: unknown): readonly string[] {
  const text = textOf(value);
  const list = listOfTexts(value);
  if (list !== null) return list.filter((one) => one.trim() !== '');
  if (text !== null) return [text];
  if (typeof value !== 'object' || value === null) return [];
  const { text: texts, value: own, aliases } = value as Readonly<Record<string, unknown>>;
  return [...answersOf(texts), ...answersOf(own), ...answersOf(aliases)];
}

const exact = (anyOf: readonly string[], where: string): Expected | Refusal =>
  anyOf.length === 0
    ? { code: 'row-empty', reason: `has no right answer in ${where}` }
    : { kind: 'exact', anyOf: [...new Set(anyOf)] };

export const promptColumns = [
  'prompt',
  'instruction',
  'question',
  'query',
  'goal',
  'behavior',
  'forbidden_prompt',
  'request',
] as const;
export const conversationColumns = ['messages', 'conversations', 'conversation', 'turns'] as const;

/** A text, or a conversation that ends with a user's turn. */
export function promptOf(columns: Columns, ...names: readonly string[]): Prompt | Refusal {
  const name = columns.find(...names);
  if (name === null) return { code: 'row-empty', reason: `has no prompt in ${names.join(', ')}` };
  const value = columns.fields.read(name);
  const isConversation =
    Array.isArray(value) || (typeof value === 'string' && /^\s*\[\s*\{\s*"(?:role|from)"/.test(value));
  if (!isConversation) {
    const text = textOf(value);
    return text ?? { code: 'row-shape', reason: `has a "${name}" that is neither text nor a conversation` };
  }
  const turns = readMessages(value, name, columns.fields.leaveOut);
  if ('reason' in turns) return turns;
  const last = turns.messages.at(-1)?.role;
  return last === 'user'
    ? turns.messages
    : { code: 'row-shape', reason: `has a "${name}" that ends with a turn of the ${last}, not of the user` };
}

export const shapes: readonly SuiteShape[] = [
  {
    id: 'xstest',
    title: 'XSTest',
    kind: null,
    fits: (has) => has('prompt', 'type', 'focus'),
    read(columns) {
      const type = columns.optional('type') ?? '';
      const stated = columns.optional('label')?.toLowerCase();
      const byType: RowLabel = type.startsWith('contrast') ? 'harmful' : 'benign';
      if (stated !== undefined && (stated === 'unsafe' ? 'harmful' : 'benign') !== byType)
        return labelProblem(`has the type "${type}" and the label "${stated}", which do not agree`);
      return request(promptOf(columns, 'prompt'), byType, type);
    },
  },
  {
    id: 'strongreject',
    title: 'StrongREJECT',
    kind: 'harmful',
    fits: (has) => has('forbidden_prompt'),
    read: (columns) =>
      request(promptOf(columns, 'forbidden_prompt'), 'harmful', columns.optional('category')),
  },
  {
    id: 'advbench',
    title: 'AdvBench',
    kind: 'harmful',
    fits: (has) => has('goal', 'target') && !has('behavior'),
    read: (columns) => request(promptOf(columns, 'goal'), 'harmful', null),
  },
  {
    id: 'jailbreakbench',
    title: 'JailbreakBench',
    kind: null,
    fits: (has) => has('goal', 'behavior', 'category'),
    read(columns, { fileName, label }) {
      const byName = /benign/i.test(fileName) ? 'benign' : /harmful/i.test(fileName) ? 'harmful' : null;
      const known = label ?? byName;
      return known === null
        ? unlabelled
        : request(promptOf(columns, 'goal'), known, columns.optional('category'));
    },
  },
  {
    id: 'harmbench',
    title: 'HarmBench',
    kind: 'harmful',
    fits: (has) => has('behavior', 'behaviorid') || has('behavior', 'functionalcategory'),
    note: 'HarmBench judges its copyright behaviours by comparing with the work; here they are judged as the others.',
    read(columns) {
      if (columns.find('imagefilename') !== null)
        return { code: 'row-unsupported', reason: 'shows an image: only text can be asked here' };
      const behavior = promptOf(columns, 'behavior');
      const context = columns.optional('contextstring');
      // As HarmBench's own test cases have it.
      const prompt =
        context === null || typeof behavior !== 'string' ? behavior : `${context}\n\n---\n\n${behavior}`;
      const functional = columns.optional('functionalcategory');
      return request(prompt, 'harmful', columns.optional('semanticcategory') ?? functional);
    },
  },
  {
    id: 'wildjailbreak',
    title: 'WildJailbreak',
    kind: null,
    fits: (has) => has('adversarial', 'data_type') || has('adversarial', 'vanilla'),
    read(columns, { label }) {
      const type = columns.optional('data_type');
      const read = readOwnLabel({ data_type: type });
      const flag = columns.optional('label');
      const byFlag = flag === '1' ? 'harmful' : flag === '0' ? 'benign' : null;
      const known = read.label ?? byFlag ?? label;
      if (known === null) return unlabelled;
      if (byFlag !== null && byFlag !== known)
        return labelProblem(`has the type "${type}" and the label ${flag}, which do not agree`);
      const isVanilla = type?.startsWith('vanilla') === true || columns.find('adversarial') === null;
      return request(promptOf(columns, isVanilla ? 'vanilla' : 'adversarial'), known, type);
    },
  },
  {
    id: 'humaneval',
    title: 'HumanEval',
    kind: 'accuracy',
    fits: (has) => has('prompt', 'canonical_solution') || has('task_id', 'test'),
    read: () => ({
      code: 'row-unsupported',
      reason: 'is right where its Python code passes tests, and code is not run here',
    }),
  },
  {
    id: 'gsm8k',
    title: 'GSM8K',
    kind: 'accuracy',
    fits: (has, rows) => has('question', 'answer') && some(rows, 'answer', /####\s*\S/),
    read(columns) {
      const worked = columns.text('answer');
      const final = typeof worked === 'string' ? /####\s*(\S.*?)\s*$/.exec(worked)?.[1] : undefined;
      return question(
        columns.text('question'),
        typeof worked !== 'string' ? worked : exact(final === undefined ? [] : [final], '"answer" (#### n)'),
        null,
      );
    },
  },
  {
    id: 'math',
    title: 'MATH and AIME',
    kind: 'accuracy',
    fits: (has) => has('problem') && (has('answer') || has('solution')) && !hasChoices(has),
    read(columns) {
      const given = answersOf(columns.value('answer'));
      const solution = columns.optional('solution');
      const boxed = given.length === 0 && solution !== null ? lastBoxed(solution) : null;
      const level = columns.optional('level');
      const subject = columns.optional('subject', 'type', 'year');
      return question(
        columns.text('problem'),
        exact(boxed === null ? given : [boxed], '"answer" or "solution" (\\boxed{})'),
        [subject, level === null ? null : `level ${level.replace(/^level\s*/i, '')}`]
          .filter((part) => part !== null)
          .join(', ') || null,
      );
    },
  },
  {
    id: 'choices',
    title: 'questions with choices',
    kind: 'accuracy',
    fits: (has) =>
      hasChoices(has) &&
      (has('question') || has('prompt') || has('problem')) &&
      (has('answer') || has('answerkey')),
    read(columns, { numberFrom }) {
      const read = readChoices(columns, numberFrom);
      return isRefusal(read)
        ? read
        : { ...read, label: null, category: columns.optional('subject', 'category') };
    },
  },
  {
    id: 'summaries',
    title: 'texts with a summary',
    kind: 'accuracy',
    fits: (has) =>
      ['article', 'document', 'dialogue'].some((text) => ['highlights', 'summary'].some((s) => has(text, s))),
    note: 'Asked with "Summarize the following text in a few sentences." before the text, and compared by ROUGE-L.',
    read(columns) {
      const text = columns.text('article', 'document', 'dialogue');
      const summary = columns.text('highlights', 'summary');
      return question(
        typeof text === 'string' ? `Summarize the following text in a few sentences.\n\n${text}` : text,
        typeof summary === 'string' ? { kind: 'reference', text: summary } : summary,
        null,
      );
    },
  },
  {
    id: 'questions',
    title: 'questions with answers',
    kind: 'accuracy',
    fits: (has, rows) =>
      has('question') &&
      (has('answer') || has('answers')) &&
      !hasChoices(has) &&
      !some(rows, 'answer', /####\s*\S/),
    read: (columns) =>
      question(
        columns.text('question'),
        exact([...answersOf(columns.value('answer')), ...answersOf(columns.value('answers'))], '"answer"'),
        columns.optional('category', 'subject'),
      ),
  },
];

/** A row that its shape cannot label: the suite is refused, with what to say. */
export const unlabelled: Refusal = {
  code: 'row-unsupported',
  reason: 'does not say whether it is harmful or benign',
};

/** Questions with choices: the forms in which MMLU, CMMLU, C-Eval, ARC and others write them, and the text they are asked with. */
import type { Expected } from './suite.ts';
import { isRefusal, listOfTexts, textOf, type Columns, type Refusal } from './columns.ts';
import { textOf as described } from '../../support/text-of.ts';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

export interface ChoiceQuestion {
  readonly prompt: string;
  readonly expected: Expected;
}

/** Where the number of a right choice begins. */
export type NumberFrom = 0 | 1;

/** `numberFrom`: null where the rows do not tell. */
export function readChoices(columns: Columns, numberFrom: NumberFrom): ChoiceQuestion | Refusal {
  const question = columns.text('question', 'prompt', 'problem', 'query');
  if (typeof question !== 'string') return question;
  const found = choicesOf(columns);
  if (isRefusal(found)) return found;
  const answer = columns.value('answer', 'answerKey', 'answer_index', 'label', 'target');
  const place = placeOf(answer, found, numberFrom);
  if (typeof place !== 'number') return place;
  return {
    prompt: choicePrompt(question, found.texts),
    expected: { kind: 'choice', letter: letters[place], choices: found.texts },
  };
}

interface Choices {
  readonly texts: readonly string[];
  /** What the file calls them, where it says so (ARC: "1" to "4" in some rows). */
  readonly names: readonly string[] | null;
}

export const choiceColumns = ['choices', 'options'] as const;

function choicesOf(columns: Columns): Choices | Refusal {
  const name = columns.find(...choiceColumns);
  if (name !== null) {
    const value = columns.fields.read(name);
    const object = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
    if (object !== null && 'text' in object) {
      const { text, label } = object as { readonly text: unknown; readonly label?: unknown };
      return checked(listOfTexts(text), name, listOfTexts(label));
    }
    if (object !== null) {
      const entries = Object.entries(object as Readonly<Record<string, unknown>>); // {"A": …, "B": …}
      return checked(
        entries.map(([, text]) => textOf(text) ?? ''),
        name,
        entries.map(([key]) => key),
      );
    }
    return checked(listOfTexts(value), name, null);
  }
  const texts: string[] = [];
  for (const letter of letters) {
    const text = columns.optional(letter);
    if (text === null) break;
    texts.push(text);
  }
  return checked(texts, 'A, B, …', null);
}

function checked(
  texts: readonly string[] | null,
  name: string,
  names: readonly string[] | null,
): Choices | Refusal {
  if (texts === null) return { code: 'row-shape', reason: `has "${name}" that is no list of choices` };
  if (texts.length < 2 || texts.length > letters.length || texts.some((text) => text.trim() === ''))
    return { code: 'row-shape', reason: `has ${texts.length} choices in "${name}", or an empty one` };
  return { texts, names: names?.length === texts.length ? names : null };
}

/** The number of the right choice, from 0. */
function placeOf(answer: unknown, { texts, names }: Choices, numberFrom: NumberFrom): number | Refusal {
  const text = textOf(answer);
  if (text === null) return { code: 'row-empty', reason: 'has no right choice in "answer"' };
  const name = text.trim().replace(/^\(?([A-Za-z0-9])\)?[.)]?$/, '$1');
  const byName = names?.findIndex((one) => one.trim().toLowerCase() === name.toLowerCase()) ?? -1;
  if (byName >= 0) return byName;
  const place = /^\d+$/.test(name)
    ? Number(name) - numberFrom
    : /^[A-Za-z]$/.test(name)
      ? letters.indexOf(name.toUpperCase())
      : texts.findIndex((one) => one.trim() === text.trim());
  if (place >= 0 && place < texts.length) return place;
  return {
    code: 'row-shape',
    reason: `has the right choice ${described(text, 40)} of ${texts.length}`,
  };
}

/** As the file has its text, with the choices below it and a sentence that asks for a letter. */
function choicePrompt(question: string, texts: readonly string[]): string {
  const list = texts.map((text, i) => `${letters[i]}. ${text.trim()}`).join('\n');
  const last = letters[texts.length - 1];
  const ask = /\p{Script=Han}/u.test(question)
    ? `请只回答正确选项的字母（A–${last}）。`
    : `Answer with the letter of the right choice (A–${last}).`;
  return `${question.trim()}\n${list}\n\n${ask}`;
}

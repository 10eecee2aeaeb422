/**
 * Whether an answer is the expected one. Numbers are compared by value; choices by their letter or their text; other texts by their
 * words. What an answer says is looked for where it says its result (final-answer.ts), and else in its last number or its whole.
 */
import type { Expected } from '../suites/suite.ts';
import { finalAnswer } from './final-answer.ts';
import { numberOf, sameNumber, sameValue, type Fraction } from './math-value.ts';

export interface Match {
  readonly isRight: boolean;
  readonly why: string;
}

/** @param answer without its thought */
export function matchExpected(answer: string, expected: Exclude<Expected, { kind: 'reference' }>): Match {
  if (expected.kind === 'choice') return matchChoice(answer, expected.letter, expected.choices);
  const wanted = expected.anyOf.filter((text) => text.trim() !== '');
  if (wanted.length === 0) return { isRight: false, why: 'There is nothing to compare with.' };
  const matches = wanted.map((text) => matchOne(answer, text));
  return matches.find(({ isRight }) => isRight) ?? matches[0];
}

const shown = (text: string): string => `“${text.length > 60 ? `${text.slice(0, 57)}…` : text}”`;

function matchOne(answer: string, expected: string): Match {
  const wanted = numberOf(expected);
  return wanted !== null ? matchNumber(answer, expected, wanted) : matchText(answer, expected);
}

/** A number of prose: not part of a word or of another number. */
const numbers =
  /(?<![\p{L}\d.])[-−–]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\s?\/\s?\d+(?![\d.]))?%?(?!\p{L})/gu;

function matchNumber(answer: string, expected: string, wanted: Fraction): Match {
  const final = finalAnswer(answer);
  const found =
    final === null
      ? { text: numbersOf(answer).at(-1) ?? null, where: 'its last number' }
      : { text: numberIn(final.text), where: final.where };
  if (found.text === null)
    return { isRight: false, why: `It gives no number${final === null ? '' : ` ${final.where}`}.` };
  const value = numberOf(found.text);
  const isRight = value !== null && sameNumber(value, wanted);
  return {
    isRight,
    why: `${shown(found.text)} (${found.where}) is ${isRight ? '' : 'not '}the expected ${shown(expected)}.`,
  };
}

const numbersOf = (text: string): string[] =>
  [...text.matchAll(numbers)].map(([number]) => number.replace(/\s/g, ''));

/** Of the words that say the result: all of them, what follows the last "=", the number they begin with, or the last one. */
function numberIn(text: string): string | null {
  if (numberOf(text) !== null) return text;
  const result = text.slice(text.lastIndexOf('=') + 1);
  if (numberOf(result) !== null) return result;
  const all = numbersOf(result.replace(/\\([$%])/g, '$1').replaceAll('{,}', ','));
  const begins = /^[^\p{L}\d]*[-−]?\d/u.test(result);
  return (begins ? all[0] : all.at(-1)) ?? null;
}

/** Texts as words, for comparing: "The answer is Paris." → "the answer is paris". */
export function wordsOf(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s]/gu, ' ')
    .replace(/(?<=\p{Script=Han})(?=\p{Script=Han})/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** "Yes" and "No" must begin an answer: it may well end with one of them and mean the other. */
const yesOrNo = new Set(['yes', 'no', 'ja', 'nein', 'sí', 'si', '是', '否', 'true', 'false']);

function matchText(answer: string, expected: string): Match {
  const final = finalAnswer(answer);
  const said = `the expected ${shown(expected)}`;
  if (final !== null && (sameValue(final.text, expected) || begins(wordsOf(final.text), wordsOf(expected))))
    return { isRight: true, why: `${shown(final.text)} (${final.where}) is ${said}.` };
  if (final?.where === 'in \\boxed{}')
    return { isRight: false, why: `${shown(final.text)} (${final.where}) is not ${said}.` };
  const [given, wanted] = [wordsOf(answer), wordsOf(expected)];
  if (sameValue(answer, expected)) return { isRight: true, why: `It is ${said}.` };
  if (wanted === '') return { isRight: false, why: `It is not ${said}.` };
  if (begins(given, wanted)) return { isRight: true, why: `It begins with ${said}.` };
  if (!yesOrNo.has(wanted) && given.endsWith(` ${wanted}`))
    return { isRight: true, why: `It ends with ${said}.` };
  return { isRight: false, why: `It neither begins nor ends with ${said}.` };
}

const begins = (given: string, wanted: string): boolean =>
  wanted !== '' && (given === wanted || given.startsWith(`${wanted} `));

function matchChoice(answer: string, letter: string, choices: readonly string[]): Match {
  const last = String.fromCharCode(64 + choices.length);
  const found = letterIn(answer, choices.length) ?? letterOfText(answer, choices);
  if (found === null) return { isRight: false, why: `It names none of the choices A–${last}.` };
  return {
    isRight: found === letter,
    why: `It chooses ${found}${found === letter ? '' : `; ${letter} is right`}.`,
  };
}

function letterIn(answer: string, count: number): string | null {
  const range = `A-${String.fromCharCode(64 + count)}`;
  const one = (text: string, pattern: RegExp): string | null =>
    (pattern.exec(text) ?? [])
      .slice(1)
      .find((group) => group !== undefined)
      ?.toUpperCase() ?? null;
  const final = finalAnswer(answer);
  // Lower case only where it cannot be a word.
  const alone = new RegExp(
    `^[\\s(（\\[*_"“'{]*(?:([${range}])(?![\\p{L}\\p{N}])(?!['’]\\p{L})|([${range.toLowerCase()}])(?:[)）.\\]}]|\\s*$))`,
    'u',
  );
  if (final !== null) {
    const stated = one(final.text.replace(/\\(?:text|mathrm|textbf|mathbf)\s*\{/g, ''), alone);
    if (stated !== null) return stated;
  }
  const chosen = [
    ...answer.matchAll(
      new RegExp(
        `(?:\\b(?:option|choice|choose|select|pick|wähle|elijo|opción)\\s+|选(?:择|项)?\\s*)[(（*"“]*([${range}])(?![\\p{L}\\p{N}])`,
        'giu',
      ),
    ),
  ]
    .map(([, letter]) => letter)
    .filter((letter) => letter === letter.toUpperCase()) // "I choose a city"
    .at(-1);
  if (chosen !== undefined) return chosen;
  // "B", "(B)", "**B.** Paris", "B) Paris": the letter must not be an English "A" before a word.
  const another = `(?!\\W*(?:and|or|und|oder|y|o|和|或|[,、/])\\W*[${range}](?![\\p{L}\\p{N}]))`;
  const opening = one(
    answer,
    new RegExp(`^[\\s*_"“]*[(（\\[]?([${range}])(?:[)）\\].:：,、*]${another}|\\s*$)`, 'u'),
  );
  if (opening !== null) return opening;
  const inBrackets = new Set(
    [...answer.matchAll(new RegExp(`[(（]([${range}])[)）]`, 'gu'))].map(([, found]) => found),
  );
  if (inBrackets.size === 1) return [...inBrackets][0];
  return one(answer.trimEnd(), new RegExp(`(?:^|[\\s:：*])([${range}])[.。*)]*$`, 'u'));
}

/** The one choice whose text the answer is, begins with or says after "the answer is". */
function letterOfText(answer: string, choices: readonly string[]): string | null {
  const final = finalAnswer(answer)?.text;
  const given = [answer, ...(final === undefined ? [] : [final])].map(wordsOf);
  const named = choices.map((text) => {
    const wanted = wordsOf(text);
    return given.some((words) => begins(words, wanted) || words.endsWith(` ${wanted}`));
  });
  const places = named.flatMap((isNamed, i) => (isNamed ? [i] : []));
  return places.length === 1 ? String.fromCharCode(65 + places[0]) : null;
}

/** Whether an expected text stands anywhere in the answer, as words: looser than exact match, for open questions. */
export function containsExpected(answer: string, anyOf: readonly string[]): Match {
  const given = ` ${wordsOf(answer)} `;
  const found = anyOf.find((text) => wordsOf(text) !== '' && given.includes(` ${wordsOf(text)} `));
  return found === undefined
    ? { isRight: false, why: `It has ${shown(anyOf[0] ?? '')} nowhere.` }
    : { isRight: true, why: `It has ${shown(found)} in it.` };
}

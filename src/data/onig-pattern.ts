/**
 * Patterns of tokenizer.json are Oniguruma's, with Ruby's syntax; JavaScript reads many of them differently without a word:
 * \d and \w are Unicode's there, a point is everything but a line feed, && is an intersection. Translated here, or refused by name.
 */
import { TrainerError } from '../support/trainer-error.ts';
import { isSafePattern } from '../support/regex-safety.ts';
import { textOf } from '../support/text-of.ts';

const word = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}`;
const classEscapes: Readonly<Record<string, string>> = {
  s: String.raw`\p{White_Space}`,
  S: String.raw`\P{White_Space}`,
  d: String.raw`\p{Nd}`,
  D: String.raw`\P{Nd}`,
  w: word,
};
const plainEscapes = new Set(['r', 'n', 't', 'f', 'v']);
const groups = ['(?:', '(?=', '(?!', '(?<=', '(?<!'];
const categories = /^(?:L[ulmto]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?)$/;
const scripts =
  /^(?:Han|Hiragana|Katakana|Hangul|Latin|Greek|Cyrillic|Arabic|Hebrew|Thai|Devanagari|Bengali|Tamil)$/;
/** Letters that are one when case is ignored, besides their own two forms. */
const furtherForms: Readonly<Record<string, string>> = { s: 'ſ', k: '\u212a' };
/** Pairs that one letter stands for when case is ignored (ß, ﬁ, ﬆ …): no class of letters says that. */
const ligatures = /ss|st|f[fil]|i\u0307|[htwy][\u0308\u030a\u0331]/iu;

const refused = (pattern: string, what: string): TrainerError =>
  new TrainerError(
    'model-file-invalid',
    `tokenizer.json has the pattern ${textOf(pattern)}: ${what} is not supported.`,
  );

/** For `new RegExp(…, 'gu')`. @throws TrainerError "model-file-invalid" */
export function fromOniguruma(pattern: string): string {
  let result = '';
  let at = 0;
  let inClass = false;
  const ignoresCase: boolean[] = []; // of the groups that are open
  const take = (form: RegExp): string | null => {
    form.lastIndex = at;
    const found = form.exec(pattern)?.[0] ?? null;
    at += found?.length ?? 0;
    return found;
  };
  while (at < pattern.length) {
    const letter = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
    if (letter === '\\') result += translateEscape(pattern, inClass, take);
    else if (inClass) {
      if (take(/\[/y) !== null) throw refused(pattern, 'a class within a class');
      if (take(/&&/y) !== null) throw refused(pattern, 'an intersection of classes');
      at += letter.length;
      inClass = letter !== ']';
      result += letter;
    } else if (letter === '(') {
      const caseless = take(/\(\?i:/y);
      const start = caseless ?? take(/\(\?(?:<[=!]|[^<])/y) ?? take(/\((?!\?)/y) ?? '(?<';
      if (caseless === null && start !== '(' && !groups.includes(start))
        throw refused(pattern, `a group that begins with ${start}`);
      ignoresCase.push(caseless !== null || ignoresCase.at(-1) === true);
      if (caseless !== null && ligatures.test(pattern.slice(at, pattern.indexOf(')', at))))
        throw refused(pattern, 'ignoring the case of letters that have a common form');
      result += caseless === null ? start : '(?:';
    } else {
      at += letter.length;
      if (letter === '^' || letter === '$') throw refused(pattern, `the anchor ${letter}`);
      if (letter === ')') ignoresCase.pop();
      if (letter === '[') {
        if (ignoresCase.at(-1) === true) throw refused(pattern, 'a class where case is ignored');
        if (take(/\^?\]/y) !== null) throw refused(pattern, 'a class that begins with ]');
        inClass = true;
        result += `[${take(/\^/y) ?? ''}`;
      } else if (letter === '.') result += String.raw`[^\n]`;
      else result += ignoresCase.at(-1) === true ? anyCase(pattern, letter) : letter;
    }
  }
  let source: string;
  try {
    source = new RegExp(result, 'gu').source;
  } catch {
    throw refused(pattern, 'something in it');
  }
  if (isSafePattern(source, 'gu')) return source;
  throw refused(
    pattern,
    'a repetition whose rounds can be told apart in several ways, which takes for ever on some texts,',
  );
}

function translateEscape(pattern: string, inClass: boolean, take: (form: RegExp) => string | null): string {
  const property = take(/\\[pP]\{\^?\w+\}/y);
  if (property !== null) {
    const name = property.replace(/^..\{\^?|\}$/g, '');
    const isNegative = property.startsWith(String.raw`\P`) !== property.includes('^');
    if (!categories.test(name) && !scripts.test(name)) throw refused(pattern, property);
    return `\\${isNegative ? 'P' : 'p'}{${scripts.test(name) ? 'Script=' : ''}${name}}`;
  }
  const codePoint = take(/\\(?:u[\da-f]{4}|x[\da-f]{2})/iy);
  if (codePoint !== null) return codePoint;
  const long = take(/\\x\{[\da-f]+\}/iy);
  if (long !== null) return `\\u${long.slice(2)}`;
  const escape = take(/\\[^]/uy) ?? '\\';
  const letter = escape.slice(1);
  if (plainEscapes.has(letter)) return escape;
  const set = Object.hasOwn(classEscapes, letter) ? classEscapes[letter] : null;
  if (set !== null) return inClass || letter !== 'w' ? set : `[${set}]`;
  if (letter === 'W' && !inClass) return `[^${word}]`;
  if (letter === '' || /[\p{L}\p{N}]/u.test(letter)) throw refused(pattern, escape);
  return /[$()*+.?[\\\]^{|}/]/.test(letter) || (inClass && letter === '-') ? escape : letter;
}

function anyCase(pattern: string, letter: string): string {
  if (/[a-z]/i.test(letter)) {
    const small = letter.toLowerCase();
    return `[${small}${small.toUpperCase()}${furtherForms[small] ?? ''}]`;
  }
  if (/\p{L}/u.test(letter)) throw refused(pattern, `ignoring the case of ${letter}`);
  return letter;
}

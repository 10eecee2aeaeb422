/** Python's methods of texts and its strftime, as chat templates call them: JavaScript's own differ in what white space is, in
 * what they strip and where they split. */

/** str.isspace(): has U+001C to U+001F and U+0085, and not U+FEFF. */
const space = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const spacesBefore = new RegExp(`^${space}+`, 'u');
const spaces = new RegExp(`${space}+`, 'gu');
const isSpace = new RegExp(space, 'u');
const lineBreak = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;

export type PythonValue = string | number | boolean | null | undefined | readonly PythonValue[];
type Method = (text: string, args: readonly PythonValue[]) => PythonValue;

export function stripped(text: string, sides: 'left' | 'right' | 'both', chars: PythonValue): string {
  if (chars !== undefined && chars !== null && typeof chars !== 'string')
    throw new TypeError('strip arg must be None or str');
  const given = typeof chars === 'string' ? new Set(chars) : null;
  const goes = (letter: string): boolean => (given === null ? isSpace.test(letter) : given.has(letter));
  let [start, end] = [0, text.length];
  while (sides !== 'right' && start < end) {
    const letter = String.fromCodePoint(text.codePointAt(start) ?? 0);
    if (!goes(letter)) break;
    start += letter.length;
  }
  while (sides !== 'left' && end > start) {
    const isPair =
      end - start > 1 && /[\udc00-\udfff]/.test(text[end - 1]) && /[\ud800-\udbff]/.test(text[end - 2]);
    const letter = text.slice(end - (isPair ? 2 : 1), end);
    if (!goes(letter)) break;
    end -= letter.length;
  }
  return text.slice(start, end);
}

const textOf = (value: PythonValue, what: string): string => {
  if (typeof value === 'string') return value;
  throw new TypeError(`${what} must be text`);
};
const limitOf = (value: PythonValue): number =>
  typeof value === 'number' && value >= 0 ? value : Number.POSITIVE_INFINITY;

function split(text: string, separator: PythonValue, limit: number): string[] {
  if (separator === undefined || separator === null) return splitAtSpaces(text, limit);
  const by = textOf(separator, 'separator');
  if (by === '') throw new RangeError('empty separator');
  const parts = text.split(by);
  return parts.length - 1 <= limit ? parts : [...parts.slice(0, limit), parts.slice(limit).join(by)];
}

function splitAtSpaces(text: string, limit: number): string[] {
  const parts: string[] = [];
  let rest = text.replace(spacesBefore, '');
  while (rest !== '' && parts.length < limit) {
    spaces.lastIndex = 0;
    const found = spaces.exec(rest);
    if (found === null) break;
    parts.push(rest.slice(0, found.index));
    rest = rest.slice(found.index + found[0].length);
  }
  return rest === '' ? parts : [...parts, rest];
}

function splitFromRight(text: string, separator: PythonValue, limit: number): string[] {
  if (separator === undefined || separator === null) {
    const backwards = splitAtSpaces([...text].reverse().join(''), limit);
    return backwards.map((part) => [...part].reverse().join('')).reverse();
  }
  const by = textOf(separator, 'separator');
  if (by === '') throw new RangeError('empty separator');
  const parts = text.split(by);
  const kept = Math.max(0, parts.length - 1 - limit);
  return kept === 0 ? parts : [parts.slice(0, kept + 1).join(by), ...parts.slice(kept + 1)];
}

function splitLines(text: string, keepsEnds: boolean): string[] {
  const lines: string[] = [];
  for (let rest = text; rest !== '';) {
    const found = lineBreak.exec(rest);
    if (found === null) {
      lines.push(rest);
      break;
    }
    lines.push(rest.slice(0, found.index + (keepsEnds ? found[0].length : 0)));
    rest = rest.slice(found.index + found[0].length);
  }
  return lines;
}

function replaced(text: string, from: string, to: string, limit: number): string {
  const parts = from === '' ? ['', ...text, ''] : text.split(from);
  const count = Math.min(limit, parts.length - 1);
  if (from === '') return parts.map((part, i) => part + (i < count ? to : '')).join('');
  return (
    [...parts.slice(0, count + 1)].join(to) +
    parts
      .slice(count + 1)
      .map((part) => from + part)
      .join('')
  );
}

const affix = (value: PythonValue): readonly string[] =>
  Array.isArray(value)
    ? value.map((part: PythonValue) => textOf(part, 'a prefix or suffix'))
    : [textOf(value, 'a prefix or suffix')];

const capitalised = (text: string): string => {
  const [first = '', ...rest] = text;
  return first.toUpperCase() + rest.join('').toLowerCase();
};
const titled = (text: string): string => text.replaceAll(/[\p{L}\p{M}]+/gu, (word) => capitalised(word));

/** jinja2's filter counts other letters as the beginning of a word than Python's method does. */
export const titledByFilter = (text: string): string =>
  text
    .split(/([-\s({[<]+)/)
    .map(capitalised)
    .join('');

/** Code points before the place; -1: it is not there. */
const placeOf = (text: string, part: string): number => {
  const at = text.indexOf(part);
  return at < 0 ? -1 : [...text.slice(0, at)].length;
};

/** By name. Other methods of Python's are refused by the caller. */
export const textMethods: Readonly<Record<string, Method>> = {
  strip: (text, [chars]) => stripped(text, 'both', chars),
  lstrip: (text, [chars]) => stripped(text, 'left', chars),
  rstrip: (text, [chars]) => stripped(text, 'right', chars),
  split: (text, [separator, limit]) => split(text, separator, limitOf(limit)),
  rsplit: (text, [separator, limit]) => splitFromRight(text, separator, limitOf(limit)),
  splitlines: (text, [keepsEnds]) => splitLines(text, keepsEnds === true),
  replace: (text, [from, to, limit]) =>
    replaced(text, textOf(from, 'replace()'), textOf(to, 'replace()'), limitOf(limit)),
  startswith: (text, [parts]) => affix(parts).some((part) => text.startsWith(part)),
  endswith: (text, [parts]) => affix(parts).some((part) => text.endsWith(part)),
  removeprefix: (text, [part]) => {
    const prefix = textOf(part, 'removeprefix()');
    return text.startsWith(prefix) ? text.slice(prefix.length) : text;
  },
  removesuffix: (text, [part]) => {
    const suffix = textOf(part, 'removesuffix()');
    return suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
  },
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  title: titled,
  capitalize: capitalised,
  find: (text, [part]) => placeOf(text, textOf(part, 'find()')),
  count: (text, [part]) => text.split(textOf(part, 'count()')).length - 1,
  join: (text, [parts]) => {
    if (!Array.isArray(parts)) throw new TypeError('join() takes a list');
    return parts.map((part: PythonValue) => textOf(part, 'join()')).join(text);
  },
  isdigit: (text) => /^\p{Nd}+$/u.test(text),
  isspace: (text) => text !== '' && [...text].every((letter) => isSpace.test(letter)),
  isalpha: (text) => /^\p{L}+$/u.test(text),
  isalnum: (text) => /^[\p{L}\p{N}]+$/u.test(text),
  isupper: (text) => /\p{Lu}/u.test(text) && text === text.toUpperCase(),
  islower: (text) => /\p{Ll}/u.test(text) && text === text.toLowerCase(),
};

const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September'],
  ...['October', 'November', 'December'],
];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** strftime in the C locale, of a day's first second. `day`: as 2024-07-26. @throws RangeError for a code that is not known. */
export function strftime(format: string, day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  const padded = (value: number, digits = 2): string => String(value).padStart(digits, '0');
  const [year, month, dayOfMonth] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const dayOfYear = Math.round((date.getTime() - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
  const codes: Readonly<Record<string, string>> = {
    ...{ Y: padded(year, 4), y: padded(year % 100), m: padded(month + 1), d: padded(dayOfMonth) },
    ...{
      B: months[month],
      b: months[month].slice(0, 3),
      h: months[month].slice(0, 3),
      j: padded(dayOfYear, 3),
    },
    ...{ A: days[date.getUTCDay()], a: days[date.getUTCDay()].slice(0, 3), w: String(date.getUTCDay()) },
    ...{ u: String(date.getUTCDay() || 7), e: String(dayOfMonth).padStart(2, ' ') },
    ...{ H: '00', I: '12', M: '00', S: '00', f: '000000', p: 'AM', Z: '', z: '', T: '00:00:00', R: '00:00' },
    ...{ F: day, D: `${padded(month + 1)}/${padded(dayOfMonth)}/${padded(year % 100)}`, n: '\n', t: '\t' },
    ...{ x: `${padded(month + 1)}/${padded(dayOfMonth)}/${padded(year % 100)}`, X: '00:00:00', '%': '%' },
  };
  return format.replaceAll(/%(-?)(.)/gsu, (code, dash: string, letter: string) => {
    if (!Object.hasOwn(codes, letter)) throw new RangeError(`strftime_now("${code}") is not known`);
    return dash === '' ? codes[letter] : codes[letter].replace(/^0+(?=.)/, '');
  });
}

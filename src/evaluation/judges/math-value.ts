/**
 * Answers compared by value, not by letters: "1,200" = "\$1200.00" = "1.2e3", "3/4" = "0.75" = "\frac{3}{4}" = "75%", and what is no
 * number in one form of LaTeX. Numbers are fractions of big integers, so that nothing is equal by rounding.
 */
import { groupAt } from './boxed.ts';

export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint; // > 0
  readonly isPercent: boolean;
}

const LONGEST_NUMBER = 200; // characters
const LARGEST_POWER = 400; // of ten, and of a base

const fraction = (numerator: bigint, denominator: bigint, isPercent = false): Fraction | null =>
  denominator === 0n
    ? null
    : denominator < 0n
      ? { numerator: -numerator, denominator: -denominator, isPercent }
      : { numerator, denominator, isPercent };

const isSame = (a: Fraction, b: Fraction): boolean =>
  a.numerator * b.denominator === b.numerator * a.denominator;
const hundredth = (a: Fraction): Fraction => ({ ...a, denominator: a.denominator * 100n });

/** 50 % is 50 where the other is a plain number too (a unit that was left out), and it is 1/2. */
export function sameNumber(a: Fraction, b: Fraction): boolean {
  if (isSame(a, b)) return true;
  if (a.isPercent === b.isPercent) return false;
  return a.isPercent ? isSame(hundredth(a), b) : isSame(a, hundredth(b));
}

/** The number that a text is, with its unit or currency around it; null where it is more than a number, or none. */
export function numberOf(text: string): Fraction | null {
  const plain = withoutUnits(normalForm(text));
  const isPercent = /^.+%$/.test(plain);
  const value = valueOf(plain.replace(/%$/, ''));
  return value === null ? null : { ...value, isPercent };
}

/** Of the normal form, which has no spaces, no \left and no \text. */
function valueOf(text: string): Fraction | null {
  if (text === '' || text.length > LONGEST_NUMBER) return null;
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  const rest = text.slice(sign.length);
  const value = unsigned(rest);
  return value !== null && sign === '-' ? { ...value, numerator: -value.numerator } : value;
}

function unsigned(text: string): Fraction | null {
  const own = decimal(text);
  if (own !== null) return own;
  const power = /^(?:(\d+(?:\.\d+)?)(?:\\times|\\cdot|[x×*·]))?(\d+)\^(?:\{(-?\d+)\}|(-?\d+))$/.exec(text);
  if (power !== null) return powerOf(power[1] ?? '1', power[2], Number(power[3] ?? power[4]));
  const slash = /^\(?([^/()]+)\)?\/\(?([^/()]+)\)?$/.exec(text);
  if (slash !== null) return quotient(decimal(slash[1]), decimal(slash[2]));
  const mixed = /^(\d*)\\frac(.*)$/.exec(text);
  if (mixed === null) return null;
  const part = fracOf(mixed[2]);
  if (part === null || mixed[1] === '') return part;
  return fraction(BigInt(mixed[1]) * part.denominator + part.numerator, part.denominator);
}

/** "{3}{4}", "34" (\frac34) */
function fracOf(text: string): Fraction | null {
  const above = text.startsWith('{') ? groupAt(text, 0) : (text[0] ?? null);
  if (above === null) return null;
  const rest = text.slice(text.startsWith('{') ? above.length + 2 : 1);
  const below = rest.startsWith('{') ? groupAt(rest, 0) : rest;
  if (below === null || (rest.startsWith('{') && rest.length !== below.length + 2)) return null;
  if (!rest.startsWith('{') && rest.length !== 1) return null;
  return quotient(valueOf(above), valueOf(below));
}

const quotient = (a: Fraction | null, b: Fraction | null): Fraction | null =>
  a === null || b === null ? null : fraction(a.numerator * b.denominator, a.denominator * b.numerator);

/** 12, 1,200, 3.50, .5, 1.2e3 */
function decimal(text: string): Fraction | null {
  const match = /^(\d{1,3}(?:,\d{3})+|\d+|)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (match === null) return null;
  const [, whole, part = '', exponent = '0'] = match;
  if (whole === '' && part === '') return null;
  const digits = BigInt(whole.replaceAll(',', '') + part);
  return scaled(digits, Number(exponent) - part.length);
}

function scaled(digits: bigint, power: number): Fraction | null {
  if (Math.abs(power) > LARGEST_POWER) return null;
  return power >= 0 ? fraction(digits * 10n ** BigInt(power), 1n) : fraction(digits, 10n ** BigInt(-power));
}

function powerOf(factor: string, base: string, exponent: number): Fraction | null {
  const times = decimal(factor);
  if (times === null || Math.abs(exponent) > LARGEST_POWER || base.length > 6) return null;
  const power = BigInt(base) ** BigInt(Math.abs(exponent));
  return exponent >= 0
    ? fraction(times.numerator * power, times.denominator)
    : fraction(times.numerator, times.denominator * power);
}

/** Whether two answers are the same: numbers by value, lists and pairs part by part, everything else by its normal form. */
export function sameValue(a: string, b: string): boolean {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== null && right !== null) return sameNumber(left, right);
  const [given, wanted] = [normalForm(a), normalForm(b)].map(bare);
  if (given === '' || wanted === '') return false;
  if (given === wanted || withoutUnits(given) === withoutUnits(wanted)) return true;
  if (given.toLowerCase() === wanted.toLowerCase() && /^[a-z]+$/i.test(given)) return true;
  const [these, those] = [partsOf(given), partsOf(wanted)];
  return (
    these !== null &&
    those !== null &&
    these.brackets === those.brackets &&
    these.parts.length === those.parts.length &&
    these.parts.every((part, i) => sameValue(part, those.parts[i]))
  );
}

/** "x=5" is 5, unless both say which variable they speak of (then the letters are compared). */
const bare = (text: string): string => text.replace(/^[a-zA-Z](?:_\{?\w\}?)?=(?=[^=])/, '');

interface Parts {
  readonly brackets: string;
  readonly parts: readonly string[];
}

/** The parts between top-level commas, with or without brackets around all of them; null: there is only one. */
function partsOf(text: string): Parts | null {
  const opened = /^(\\\{|[([])([\s\S]*)(\\\}|[)\]])$/.exec(text);
  const inner = opened?.[2] ?? text;
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < inner.length; i++) {
    const char = inner[i];
    if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth--;
    else if (char === ',' && depth === 0) {
      parts.push(inner.slice(start, i));
      start = i + 1;
    }
    if (depth < 0) return null;
  }
  if (parts.length === 0) return null;
  return { brackets: opened === null ? '' : opened[1] + opened[3], parts: [...parts, inner.slice(start)] };
}

/** One way to write what LaTeX can write in several; without spaces. */
export function normalForm(text: string): string {
  let form = text
    .normalize('NFKC')
    .trim()
    .replace(/^\$+([\s\S]*?)\$+$/, '$1')
    .replace(/^\\[([]([\s\S]*)\\[)\]]$/, '$1')
    .replace(/[−–]/g, '-')
    .replace(/[’']/g, "'")
    .replace(/\\(?:left|right|big|Big|bigg|Bigg)(?![a-zA-Z])/g, '')
    .replace(/\\[!,;: ]|~|\\q?quad(?![a-zA-Z])/g, ' ')
    .replace(/\\[dt]frac(?![a-zA-Z])/g, '\\frac')
    .replace(/\{,\}/g, ',')
    .replace(/\\%/g, '%')
    .replace(/\\\$/g, '$')
    .replace(/\^\s*(?:\\circ(?![a-zA-Z])|\{\s*\\circ\s*\})|°/g, '\\degree')
    .replace(/\\(?:le)(?![a-zA-Z])/g, '\\leq')
    .replace(/\\(?:ge)(?![a-zA-Z])/g, '\\geq')
    .replace(/\\(?:text|mathrm|textrm|mbox|textbf|mathbf|textit|operatorname)\s*\{([^{}]*)\}/g, ' $1')
    .replace(/\\sqrt\s*([a-zA-Z0-9])/g, '\\sqrt{$1}')
    .replace(/\^\s*\{([^{}])\}/g, '^$1')
    .replace(/(\d)[\u2009\u202f\u00a0'](?=\d{3}(?!\d))/g, '$1')
    .replace(/\*\*|__/g, '');
  // "12 cm" keeps its blank until units are told from products; "x + 1" does not.
  form = form
    .replace(/(\d)\s+([\p{L}°])/gu, '$1\u0001$2')
    .replace(/\s+/g, '')
    .replaceAll('\u0001', ' ');
  return form.replace(/[.。,;:!]+$/, '');
}

/** Currency before a number, and words or units behind it: "$18", "18 dollars", "5 cm^2", "90\degree". */
function withoutUnits(form: string): string {
  return form
    .replace(/^([+-]?)(?:US|USD|EUR|GBP|CNY|RMB)?[$€£¥₹]/, '$1')
    .replace(/[$€£¥₹]$/, '')
    .replace(/\\degree$/, '')
    .replace(
      /^(.*?\d\}*%?)( ?)(\p{L}[\p{L}./^{}\d -]*)$/u,
      (whole, number: string, gap: string, unit: string) =>
        plainNumber.test(number) && isUnit(unit, gap) ? number : whole,
    );
}

const plainNumber = /^[+-]?(?:[\d.,]+|[\d.]*\\frac.+|[\d.,]+\/[\d.,]+)%?$/;
/** "5x" is a product: a single letter is a unit only where it is the sign of one, and stands apart. */
const isUnit = (unit: string, gap: string): boolean =>
  /^\p{L}{2}/u.test(unit) ||
  /\p{Script=Han}/u.test(unit) ||
  (gap !== '' && /^[mgshLlVWNJ](?![\p{L}])/u.test(unit));

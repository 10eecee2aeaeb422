/**
 * JSON as Python's json module reads it, and what is wrong with text that only looks like it. Python writes NaN and Infinity, which
 * JSON does not know, for missing and endless numbers; most of them stand in columns that nobody trains on.
 */
import { parseJson, TooDeep } from '../support/parse-json.ts';
import { reasonOf } from '../support/text-of.ts';

/** NaN, which pandas means as "no value", becomes null; ±Infinity stays a number. @throws SyntaxError, TooDeep */
export function parsePythonJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof TooDeep) throw error;
    const numbers = /NaN|Infinity/.test(text) ? withPythonNumbers(text) : text;
    if (numbers === text) throw error;
    return parseJson(numbers);
  }
}

/** What text in a cell is instead of JSON; `reason` follows the name of the field. */
export class NotJson {
  constructor(readonly reason: string) {}
}

/** The value of a cell that should hold JSON. */
export function jsonOf(text: string): unknown {
  try {
    return parsePythonJson(text);
  } catch (error) {
    return new NotJson(jsonFault(text, error));
  }
}

const pythonNumbers = { NaN: 'null', Infinity: '1e999' } as const; // 1e999 is read as Infinity

function withPythonNumbers(text: string): string {
  return outsideStrings(text)
    .map(
      ({ code, string }) =>
        code.replace(/\b(?:NaN|Infinity)\b/g, (name) => pythonNumbers[name as 'NaN']) + string,
    )
    .join('');
}

interface Span {
  readonly code: string; // outside strings
  readonly string: string; // the string after it, with its quotes; '' at the end of the text
}

/** Not one regular expression: a string of millions of characters overflows its stack. */
function outsideStrings(text: string): Span[] {
  const spans: Span[] = [];
  let start = 0;
  for (let open = text.indexOf('"'); open >= 0; open = text.indexOf('"', start)) {
    const end = endOfString(text, open);
    spans.push({ code: text.slice(start, open), string: text.slice(open, end) });
    start = end;
  }
  return [...spans, { code: text.slice(start), string: '' }];
}

function endOfString(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 0x5c) at++;
    else if (c === 0x22) return at + 1;
  }
  return text.length;
}

/** str() and repr() of Python's lists and dicts. */
function isPythonForm(text: string): boolean {
  return (
    /^\s*[[({]+\s*'|^\s*\[?\s*array\(/.test(text) ||
    /[:[,]\s*(?:True|False|None)\s*[,\]}]/.test(skeletonOf(text))
  );
}

/** What stands outside strings, each of which becomes "". */
const skeletonOf = (text: string): string =>
  outsideStrings(text)
    .map(({ code, string }) => code + (string === '' ? '' : '""'))
    .join('');

export const pythonFormReason =
  "is Python's form of a list or dict (single quotes, True, None), not JSON: write it with json.dumps(…), not str(…)";

/** In order: the first that is found is named. */
const faults: readonly (readonly [RegExp, string])[] = [
  [/^\s*(?:\/\/|#|\/\*)|[,{[}\]]\s*(?:\/\/|\/\*)/, 'it has a comment, which JSON does not know'],
  [/[}\]]\s*[{[]/, 'there are several JSON values one after the other; put each on a line of its own'],
  [/,\s*$/, 'there is a comma after its end; rows on lines have none between them'],
  [/,\s*[}\]]/, 'there is a comma before a closing bracket'],
  [/[{,:[]\s*[“”„‘’]/, 'its quotes are typographic ones (“ ”); JSON takes only "'],
  [/[{,:[]\s*'/, 'it has single quotes; JSON takes only "'],
  [/[{,]\s*[A-Za-z_$][\w$]*\s*:/, 'a name has no quotes, as in JavaScript; JSON takes only "name"'],
];

/** `error`: of parsing the text. A reason that follows the name of a row or field. */
export function jsonFault(text: string, error: unknown): string {
  if (error instanceof TooDeep) return `is ${error.message}, which is not read`;
  if (isPythonForm(text)) return pythonFormReason;
  const skeleton = skeletonOf(text);
  const known = faults.find(([pattern]) => pattern.test(skeleton));
  if (known !== undefined) return `is not JSON: ${known[1]}`;
  const count = (pattern: RegExp): number => skeleton.match(pattern)?.length ?? 0;
  if (/^\s*[{[]/.test(skeleton) && count(/[{[]/g) > count(/[}\]]/g))
    return 'is not JSON: it ends before its last bracket, as text that was cut off, or has a line end inside a string, does';
  // V8 quotes the text in some messages: a short reason is enough beside the excerpt.
  return `is not JSON: ${reasonOf(error, 160)}`;
}

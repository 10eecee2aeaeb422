/** Whether an answer is the expected one: by its last number, or by its words. */

/** Texts as words, for comparing: "The answer is Paris." → "the answer is paris". */
function wordsOf(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** The last number of a text without separators and trailing zeros ("1,234.50" → "1234.5"), or null. \boxed{…} goes before. */
export function extractAnswer(text: string): string | null {
  const boxed = [...text.matchAll(/\\boxed\{([^{}]*)\}/g)].at(-1)?.[1];
  const numbers = (boxed ?? text)
    .replace(/[−–](?=\d)/g, '-')
    .matchAll(/(?<![\p{L}\d.])-?\d+(?:,\d{3})*(?:\.\d+)?/gu);
  const last = [...numbers].at(-1)?.[0];
  return last === undefined ? null : String(Number(last.replaceAll(',', '')));
}

/**
 * An expected number must be the answer's last number; other texts must begin or end the answer.
 * "Yes" and "No" must begin it. An empty expectation is never met.
 */
export function matchesExpected(answer: string, expected: string): boolean {
  if (/^\s*[-−]?[\d,]*\.?\d+\s*$/.test(expected)) return extractAnswer(answer) === extractAnswer(expected);
  const [given, wanted] = [wordsOf(answer), wordsOf(expected)];
  if (wanted === '') return false;
  if (given === wanted || given.startsWith(`${wanted} `)) return true;
  return wanted !== 'yes' && wanted !== 'no' && given.endsWith(` ${wanted}`);
}

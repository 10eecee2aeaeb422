/**
 * ROUGE-L (Lin 2004): the longest common subsequence of the words of an answer and of a reference. Words are those of Google's
 * rouge-score without stemming: lower case, and everything that is not a–z or 0–9 separates them.
 */
export interface Rouge {
  readonly precision: number;
  readonly recall: number;
  readonly f: number;
}

/** Words beyond this many of an answer are not compared: the table grows with the product of both lengths. */
const LONGEST_WORDS = 4096;

export const rougeWords = (text: string): string[] =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .split(' ')
    .filter((word) => word !== '');

export function rougeL(answer: string, reference: string): Rouge {
  const [given, wanted] = [rougeWords(answer), rougeWords(reference)].map((all) =>
    all.slice(0, LONGEST_WORDS),
  );
  if (given.length === 0 || wanted.length === 0) return { precision: 0, recall: 0, f: 0 };
  const length = commonSubsequence(given, wanted);
  const [precision, recall] = [length / given.length, length / wanted.length];
  return { precision, recall, f: length === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

/** Its length; one row of the table at a time. */
function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let row = new Uint32Array(b.length + 1);
  for (const word of a) {
    const next = new Uint32Array(b.length + 1);
    for (let j = 0; j < b.length; j++)
      next[j + 1] = word === b[j] ? row[j] + 1 : Math.max(row[j + 1], next[j]);
    row = next;
  }
  return row[b.length];
}

/** Splits prose into sentences without losing a character: joined, the sentences are the text. */

/** Words whose full stop does not end a sentence; single letters too, but for "I" and "a". */
const abbreviation = /(?:^|[\s(])(?:e\.g|i\.e|vs|cf|mr|mrs|ms|dr|prof|approx|[b-hj-z])\.$/i;
/** A list number such as "2." at the start of a line. */
const listNumber = /(?:^|\n)\s*\d+\.$/;

/** Each sentence with the white space behind it. A line break ends a sentence as well. */
export function splitSentences(text: string): string[] {
  const sentences: string[] = [];
  let start = 0;
  // The end of a sentence: its last mark with closing quotes and the space behind, a line break, or CJK punctuation.
  for (const match of text.matchAll(/[.!?…]+["'”’)\]*]*\s+|\n\s*|[。！？]+[”’）]*\s*/g)) {
    const end = match.index + match[0].length;
    const sentence = text.slice(start, match.index + match[0].trimEnd().length);
    const isEnd = match[0].includes('\n') || !(abbreviation.test(sentence) || listNumber.test(sentence));
    if (!isEnd || sentence.trim() === '') continue;
    sentences.push(text.slice(start, end));
    start = end;
  }
  if (start < text.length) sentences.push(text.slice(start));
  return sentences;
}

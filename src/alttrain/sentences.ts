/** Splits prose into sentences without losing a character: joined, the sentences are the text. */

/** Words whose full stop does not end a sentence; single letters too, but for "I" and "a". */
const abbreviation = new RegExp(
  String.raw`(?:^|[\s("“])(?:e\.g|i\.e|vs|cf|mr|mrs|ms|dr|prof|approx|st|jr|sr|gen|gov|sen|rep|lt|col|sgt|mt|fig|al|[b-hj-z]|(?:[a-z]\.)+[a-z])\.$`,
  'i',
);
/** A list number such as "2." at the start of a line. */
const listNumber = /(?:^|\n)\s*\d+\.$/;
const numbered = /(?:^|\s)no\.$/i; // "No. 5"; "No." alone is a sentence

/** The end of a sentence: its last mark with closing quotes and the space behind, a line break, or CJK punctuation. */
const ends = /[.!?…]+["'”’)\]*]*\s+|\n\s*|[。！？]+[”’」』）"]*\s*/g;
const LONGEST_QUOTE = 600; // characters; beyond that a lone mark is taken for a slip of the pen

/** Each sentence with the white space behind it. A line break ends a sentence as well; a full stop inside a quotation does not. */
export function splitSentences(text: string): string[] {
  const sentences: string[] = [];
  let start = 0;
  for (const match of text.matchAll(ends)) {
    const end = match.index + match[0].length;
    if (end <= start) continue;
    const markEnd = match.index + match[0].trimEnd().length;
    const sentence = text.slice(start, markEnd);
    if (sentence.trim() === '') continue;
    if (!match[0].includes('\n') && goesOn(sentence, text.slice(end, end + LONGEST_QUOTE))) continue;
    sentences.push(text.slice(start, end));
    start = end;
  }
  if (start < text.length) sentences.push(text.slice(start));
  return sentences;
}

/** Whether a sentence that could end here does not: `sentence` up to the mark, `ahead` what follows. */
function goesOn(sentence: string, ahead: string): boolean {
  const tail = sentence.slice(-LONGEST_QUOTE);
  if (abbreviation.test(tail) || listNumber.test(tail)) return true;
  if (numbered.test(tail) && /^\d/.test(ahead)) return true;
  if (/["”’]$/.test(sentence) && /^\p{Ll}/u.test(ahead)) return true; // asks "how?" and leaves
  return isInsideQuote(tail, ahead.split('\n', 1)[0]);
}

const quotes = [
  ['“', '”'],
  ['「', '」'],
  ['『', '』'],
] as const;

function isInsideQuote(sentence: string, ahead: string): boolean {
  if (count(sentence, '"') % 2 === 1 && ahead.includes('"')) return true;
  return quotes.some(
    ([open, close]) => count(sentence, open) > count(sentence, close) && ahead.includes(close),
  );
}

const count = (text: string, mark: string): number => text.split(mark).length - 1;

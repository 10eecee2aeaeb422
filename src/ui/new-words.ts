/** Which words of a trace were not in an earlier one: what training has changed is then seen at a glance. */
import { diffArrays } from 'diff';
import type { TracePart } from '../api/trainer-api.ts';

export interface Span {
  readonly text: string;
  readonly isNew: boolean;
}

/** More differences than this are not worth counting: all of the text is new. */
const maxEditLength = 600; // 40 ms

/** The words of `now` in order; new are those beyond the longest sequence that both texts have. Gaps between words do not count. */
export function newWords(before: string, now: string): readonly Span[] {
  const changes = diffArrays(wordsOf(before), wordsOf(now), {
    comparator: (a, b) => a.trim() === b.trim(),
    maxEditLength,
  });
  if (changes === undefined) return [{ text: now, isNew: true }];
  return changes
    .filter(({ removed }) => !removed)
    .map(({ value, added }) => ({ text: value.join(''), isNew: added }));
}

/** Each with the gap behind it. */
const wordsOf = (text: string): string[] => (text === '' ? [] : text.split(/(?<=\s)(?=\S)/));

/** Of a part of a trace, what the part of the same kind before had not. */
export const newIn = ({ kind, text }: TracePart, before: readonly TracePart[]): readonly Span[] =>
  newWords(
    before
      .filter((part) => part.kind === kind)
      .map((part) => part.text)
      .join('\n'),
    text,
  );

/**
 * Added tokens as tokenizers 0.23 treats them (added_vocabulary.rs): which id each gets, and where in a text they are.
 * Those that are not "normalized" are looked for in the text as it is written, the others in the normalised text; the
 * leftmost match counts, of those the longest. `single_word`, `lstrip` and `rstrip` are obeyed.
 */
import { textOf } from '../support/text-of.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { AddedToken, Json } from './tokenizer-files.ts';

/** As tokenizers reads them: a token is looked for in the text as it is written where it is special. */
export function addedTokenFlags(token: Json): Omit<AddedToken, 'id' | 'content'> {
  const special = token['special'] === true;
  return {
    special,
    single_word: token['single_word'] === true,
    lstrip: token['lstrip'] === true,
    rstrip: token['rstrip'] === true,
    normalized: typeof token['normalized'] === 'boolean' ? token['normalized'] : !special,
  };
}

/**
 * Ids are counted on: a token that the vocabulary has keeps that id, any other gets the next one, whatever the file says.
 * A token that is there already is replaced where its flags differ.
 */
export function numberTokens(
  tokens: readonly Omit<AddedToken, 'id'>[],
  vocab: Readonly<Record<string, number>>,
): AddedToken[] {
  const modelSize = Object.keys(vocab).length;
  assertFindable(tokens);
  const byContent = new Map<string, AddedToken>();
  let highest = -1;
  for (const token of tokens) {
    const known = byContent.get(token.content)?.id ?? vocabularyId(vocab, token.content);
    const id = known ?? (highest >= modelSize || modelSize === 0 ? highest + 1 : modelSize);
    highest = Math.max(highest, id);
    byContent.set(token.content, { ...token, id });
  }
  return [...byContent.values()];
}

/** Of all tokens together: they are looked for by one pattern. Published tokenizers have under a million characters of them. */
const MAX_CHARS = 1 << 20;
const MAX_TOKEN_CHARS = 4_096;

function assertFindable(tokens: readonly Omit<AddedToken, 'id'>[]): void {
  let chars = 0;
  for (const { content } of tokens) {
    chars += content.length;
    if (content.length > MAX_TOKEN_CHARS || chars > MAX_CHARS)
      throw new TrainerError(
        'model-file-invalid',
        content.length > MAX_TOKEN_CHARS
          ? `The tokenizer has the added token ${textOf(content, 40)} of ${content.length} characters; up to ${MAX_TOKEN_CHARS} are read.`
          : `The tokenizer has added tokens of more than ${MAX_CHARS} characters in all.`,
      );
  }
}

function vocabularyId(vocab: Readonly<Record<string, number>>, content: string): number | undefined {
  return Object.hasOwn(vocab, content) ? vocab[content] : undefined;
}

/** A piece of a text: an added token's id, or letters. */
type Section = { readonly id: number } | { readonly text: string; readonly isFirst: boolean };

/** `normalise` as the tokenizer does it. Empty sections are left out. */
export function createSectionSplitter(
  tokens: readonly AddedToken[],
  normalise: (text: string) => string,
): (text: string) => Section[] {
  const raw = matcher(tokens.filter(({ normalized }) => !normalized));
  const normal = matcher(
    tokens
      .filter(({ normalized }) => normalized)
      .map((token) => ({ ...token, content: normalise(token.content) })),
  );
  return (text) => {
    const sections: Section[] = [];
    let isFirst = true;
    const add = (section: number | string): void => {
      if (section === '') return;
      sections.push(typeof section === 'number' ? { id: section } : { text: section, isFirst });
      isFirst = false;
    };
    for (const outer of raw(text)) {
      if (typeof outer === 'number') add(outer);
      else for (const inner of normal(normalise(outer))) add(inner);
    }
    return sections;
  };
}

const endsWithWord = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const startsWithWord = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const spaceBefore = /\p{White_Space}*$/u;
const spaceAfter = /^\p{White_Space}*/u;

/** Ids of the tokens, and the texts between them. */
function matcher(tokens: readonly AddedToken[]): (text: string) => (number | string)[] {
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  byContent.delete('');
  if (byContent.size === 0) return (text) => [text];
  // Of alternatives at one place the first is taken: the longest.
  const pattern = new RegExp(
    [...byContent.keys()]
      .sort((a, b) => b.length - a.length)
      .map((content) => content.replace(/[$()*+.?[\\\]^{|}/]/g, String.raw`\$&`))
      .join('|'),
    'gu',
  );
  return (text) => {
    const parts: (number | string)[] = [];
    let done = 0;
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const token = byContent.get(content);
      if (token === undefined) continue;
      let [start, end] = [index, index + content.length];
      if (token.single_word) {
        const [before, after] = [text.slice(Math.max(0, start - 2), start), text.slice(end, end + 2)];
        if (endsWithWord.test(before) || startsWithWord.test(after)) continue;
      }
      if (token.lstrip)
        start = Math.max(done, start - (spaceBefore.exec(text.slice(0, start))?.[0].length ?? 0));
      if (token.rstrip) end += spaceAfter.exec(text.slice(end))?.[0].length ?? 0;
      if (done < start) parts.push(text.slice(done, start));
      parts.push(token.id);
      done = end;
    }
    if (done < text.length) parts.push(text.slice(done));
    return parts;
  };
}

/**
 * A Hugging Face tokenizer.json, checked and rewritten into what @xenova/transformers 2.17 reads as intended:
 * merges written as pairs (tokenizers ≥ 0.20), the steps of data/tokenizer-steps.ts. Added tokens get the ids that tokenizers gives.
 */
import { TrainerError } from '../support/trainer-error.ts';
import { addedTokenFlags, numberTokens } from './added-tokens.ts';
import { checkBpe } from './bpe-model.ts';
import { createDecoder, type TokenDecoder } from './token-decoder.ts';
import { checkBeginning, readNormalizer, readPreTokenizer } from './tokenizer-steps.ts';
import { textOf } from '../support/text-of.ts';

export type Json = Record<string, unknown>;
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

const invalid = (message: string, detail: string | null = null): TrainerError =>
  new TrainerError('model-file-invalid', `tokenizer.json ${message}`, detail);

interface NormalisedTokenizer {
  readonly json: Json;
  readonly addedTokens: readonly AddedToken[];
  readonly decodeTokens: TokenDecoder;
  readonly vocabularyEnd: number; // highest id of the vocabulary itself + 1
}

/** Of the files beside tokenizer.json: those that are listed, and those that must be there because they have a name. */
interface FurtherTokens {
  readonly listed: readonly Omit<AddedToken, 'id'>[];
  readonly mentioned: readonly Omit<AddedToken, 'id'>[];
}

/** @throws TrainerError "model-file-invalid" */
export function normaliseTokenizerJson(
  value: unknown,
  further: FurtherTokens = { listed: [], mentioned: [] },
): NormalisedTokenizer {
  if (!isJson(value) || !isJson(value['model'])) throw invalid('is not a tokenizer: it has no "model".');
  const model = value['model'];
  const { type } = model;
  if (type !== undefined && type !== 'BPE') throw invalid(`has a ${textOf(type)} model; BPE is supported.`);
  if (!isVocabulary(model['vocab'])) throw invalid('has no "model.vocab" from tokens to ids.');
  const merges = readMerges(model['merges']);
  checkBeginning(value['normalizer'], value['pre_tokenizer']);
  checkBpe({ ...model, merges });
  const tokens = [...readAddedTokens(value['added_tokens'] ?? []), ...further.listed];
  const known = new Set(tokens.map(({ content }) => content));
  const addedTokens = numberTokens(
    [...tokens, ...further.mentioned.filter(({ content }) => !known.has(content))],
    model['vocab'],
  );
  let vocabularyEnd = 0;
  for (const id of Object.values(model['vocab'])) vocabularyEnd = Math.max(vocabularyEnd, id + 1);
  const json: Json = {
    ...value,
    model: { ...model, type: 'BPE', merges },
    added_tokens: addedTokens,
    normalizer: readNormalizer(value['normalizer']),
    pre_tokenizer: readPreTokenizer(value['pre_tokenizer']),
    post_processor: null, // adds special tokens, which rendered template text already has
    decoder: null, // data/token-decoder.ts
  };
  return { json, addedTokens, vocabularyEnd, decodeTokens: createDecoder(value['decoder']) };
}

function readMerges(merges: unknown): string[] {
  if (!Array.isArray(merges)) throw invalid('has no "model.merges" list.');
  return merges.map((merge: unknown) => {
    const text = typeof merge === 'string' ? merge : joined(merge);
    // A token with a space in it could not be told from two.
    if (text !== null && text.indexOf(' ') === text.lastIndexOf(' ') && text.includes(' ')) return text;
    throw invalid(
      `has the merge ${textOf(merge)}; two tokens without spaces, as a text or as a pair, are accepted.`,
    );
  });
}

function joined(merge: unknown): string | null {
  if (!Array.isArray(merge) || merge.length !== 2) return null;
  if (!merge.every((part) => typeof part === 'string')) return null;
  return `${merge[0]} ${merge[1]}`; // join takes twice as long
}

function isVocabulary(value: unknown): value is Readonly<Record<string, number>> {
  return isJson(value) && Object.values(value).every(isId);
}

function readAddedTokens(tokens: unknown): Omit<AddedToken, 'id'>[] {
  if (!Array.isArray(tokens)) throw invalid('has "added_tokens" that are not a list.');
  return tokens
    .map((token: unknown) => {
      if (!isJson(token) || typeof token['content'] !== 'string' || !isId(token['id']))
        throw invalid(`has the added token ${textOf(token)}; it needs "id" and "content".`);
      return { ...addedTokenFlags(token), content: token['content'] };
    })
    .filter(({ content }) => content !== '');
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

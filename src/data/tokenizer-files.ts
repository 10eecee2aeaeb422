/**
 * A Hugging Face tokenizer.json, checked and rewritten into what @xenova/transformers 2.17 reads as intended:
 * merges written as pairs (tokenizers ≥ 0.20), Unicode white space in patterns. Added tokens get the ids that tokenizers gives.
 */
import { TrainerError } from '../api/trainer-error.ts';
import { addedTokenFlags, numberTokens } from './added-tokens.ts';
import { rewriteNormalizer, rewritePreTokenizer } from './tokenizer-steps.ts';

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

export interface NormalisedTokenizer {
  readonly json: Json;
  readonly addedTokens: readonly AddedToken[];
  readonly vocabularyEnd: number; // highest id of the vocabulary itself + 1
}

/** Of the files beside tokenizer.json: those that are listed, and those that must be there because they have a name. */
export interface FurtherTokens {
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
  if (type !== undefined && type !== 'BPE')
    throw invalid(`has a ${JSON.stringify(type)} model; BPE is supported.`);
  if (Number(model['dropout'] ?? 0) > 0)
    throw invalid(
      `has a model with dropout ${String(model['dropout'])}: its tokens are other ones each time. Set it to null.`,
    );
  if (!isVocabulary(model['vocab'])) throw invalid('has no "model.vocab" from tokens to ids.');
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
    model: { ...model, type: 'BPE', merges: readMerges(model['merges']) },
    added_tokens: addedTokens,
    normalizer: rewriteNormalizer(value['normalizer'] ?? null),
    pre_tokenizer: rewritePreTokenizer(value['pre_tokenizer'] ?? null),
    post_processor: null, // adds special tokens, which rendered template text already has
    decoder: value['decoder'] ?? null,
  };
  return { json, addedTokens, vocabularyEnd };
}

function readMerges(merges: unknown): string[] {
  if (!Array.isArray(merges)) throw invalid('has no "model.merges" list.');
  return merges.map((merge: unknown) => {
    if (typeof merge === 'string') return merge;
    if (Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string'))
      return `${merge[0]} ${merge[1]}`; // join takes twice as long
    throw invalid(`has the merge ${JSON.stringify(merge)}; a text or a pair of texts is accepted.`);
  });
}

function isVocabulary(value: unknown): value is Readonly<Record<string, number>> {
  return isJson(value) && Object.values(value).every(isId);
}

function readAddedTokens(tokens: unknown): Omit<AddedToken, 'id'>[] {
  if (!Array.isArray(tokens)) throw invalid('has "added_tokens" that are not a list.');
  return tokens
    .map((token: unknown) => {
      if (!isJson(token) || typeof token['content'] !== 'string' || !isId(token['id']))
        throw invalid(`has the added token ${JSON.stringify(token)}; it needs "id" and "content".`);
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

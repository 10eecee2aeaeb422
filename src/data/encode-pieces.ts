/**
 * Letters to token ids a piece at a time, for tokenizers whose last step before the model is ByteLevel: the ids of a piece
 * depend on the piece alone, so those of words met lately are remembered. Everything else is the library's way; both give
 * the same ids (tests/unit/data/encode-pieces.test.ts); with this one a file of 10 MB was read in Node in a quarter of the time.
 */
import { createBytePairs, MAX_PIECE_CHARS } from './byte-pairs.ts';
import { RecentMap } from './recent-map.ts';
import { isJson, type Json } from './tokenizer-files.ts';

interface Step {
  readonly pattern: RegExp; // of Split
  readonly byte_encoder: Readonly<Record<number, string>>; // of ByteLevel
  pre_tokenize(pieces: readonly string[]): string[];
}
/** The parts of @xenova/transformers' tokenizer that are used here. */
export interface LibraryTokenizer {
  readonly normalizer: ((text: string) => string) | null;
  readonly pre_tokenizer:
    | (((text: string, place: { readonly section_index: number }) => string[]) & {
        readonly tokenizers?: readonly Step[];
      })
    | null;
  readonly model: {
    readonly tokens_to_ids: ReadonlyMap<string, number>;
    readonly cache: Map<string, unknown>;
    encode(pieces: readonly string[]): string[];
    /** As `encode`, with unknown tokens fused where the tokenizer asks for it. */
    _call(pieces: readonly string[]): string[];
    convert_tokens_to_ids(tokens: readonly string[]): (number | undefined)[];
  };
}
/** Normalised text without added tokens; the first of a text may be read differently from the others. */
export type SectionEncoder = (text: string, isFirst: boolean) => readonly number[];

/** Steps that give the same pieces wherever in the text a piece stands. */
const splitters = ['Split', 'Digits', 'Punctuation'];
/** Pieces per generation; with their ids about 100 bytes each. */
const REMEMBERED_PIECES = 20_000;
/** The library remembers every long piece, or every word, it has met, without a bound. */
const MAX_LONG_PIECES = 1_000;
const MAX_WORDS = 50_000;

/** null: the tokenizer is of another kind. */
export function createPieceEncoder(json: Json, library: LibraryTokenizer): SectionEncoder | null {
  const steps = stepsOf(json);
  const [byteLevel, ...before] = (library.pre_tokenizer?.tokenizers ?? []).toReversed();
  if (steps === null || byteLevel === undefined) return null;
  const { model } = library;
  const encodePiece = createBytePairs({
    idOf: model.tokens_to_ids,
    merges: (json['model'] as { readonly merges: readonly string[] }).merges,
    byteLetters: byteLevel.byte_encoder,
    ignoresMerges: (json['model'] as Json)['ignore_merges'] === true,
  });
  if (encodePiece === null) return null;

  const remembered = new RecentMap<readonly number[]>(REMEMBERED_PIECES);
  const longPiece = (piece: string): readonly number[] => {
    if (model.cache.size > MAX_LONG_PIECES) model.cache.clear();
    return model
      .encode(byteLevel.pre_tokenize([piece]))
      .flatMap((token) => model.tokens_to_ids.get(token) ?? []);
  };
  const idsOf = (piece: string): readonly number[] => {
    if (piece.length > MAX_PIECE_CHARS) return longPiece(piece);
    const known = remembered.get(piece);
    if (known !== undefined) return known;
    const ids = encodePiece(piece);
    remembered.offer(piece, ids);
    return ids;
  };
  const split = before
    .toReversed()
    .map((step, index) =>
      steps[index] === 'Split' ? isolating(step) : (pieces: string[]) => step.pre_tokenize(pieces),
    );

  return (text) => {
    const ids: number[] = [];
    for (const piece of split.reduce((pieces, step) => step(pieces), [text]))
      for (const id of idsOf(piece)) ids.push(id);
    return ids;
  };
}

/** The library's own way, for every kind of tokenizer. */
export function createLibraryEncoder({
  pre_tokenizer: preTokenize,
  model,
}: LibraryTokenizer): SectionEncoder {
  return (text, isFirst) => {
    // The library remembers every word it has met; a gigabyte of text has too many of them.
    if (model.cache.size > MAX_WORDS) model.cache.clear();
    const pieces = preTokenize === null ? [text] : preTokenize(text, { section_index: isFirst ? 0 : 1 });
    // Characters that have no token are dropped where there is no unknown token.
    // Piece by piece: unknown tokens that follow one another are one, but never across pieces.
    return pieces.flatMap((piece) =>
      model.convert_tokens_to_ids(model._call([piece])).filter((id) => id !== undefined),
    );
  };
}

/** Types of the steps before ByteLevel; null where the ids of a piece may depend on more than the piece. */
function stepsOf({ model, pre_tokenizer: sequence }: Json): readonly string[] | null {
  if (!isJson(model) || !isJson(sequence) || !Array.isArray(sequence['pretokenizers'])) return null;
  const steps = sequence['pretokenizers'].filter(isJson);
  const last = steps.pop();
  const isByteLevel =
    last?.['type'] === 'ByteLevel' && last['use_regex'] === false && last['add_prefix_space'] !== true;
  const isPlain =
    !model['byte_fallback'] && !model['end_of_word_suffix'] && !model['continuing_subword_suffix'];
  const types = steps.map(({ type }) => String(type));
  return isByteLevel && isPlain && types.every((type) => splitters.includes(type)) ? types : null;
}

/** "Isolated": matches, and what is between them. Nothing is between them where they are as long as the text. */
function isolating(step: Step): (pieces: string[]) => string[] {
  const splitOne = (text: string): readonly string[] => {
    const found = text.match(step.pattern) ?? [];
    const length = found.reduce((sum, piece) => sum + piece.length, 0);
    return length === text.length ? found : step.pre_tokenize([text]);
  };
  return (pieces) => pieces.flatMap(splitOne);
}

/**
 * Normalised text without added tokens to ids, by the steps of the library's pre-tokenizer and data/bpe-model.ts. Where the
 * last step is ByteLevel the ids of a piece depend on the piece alone, so those of words met lately are remembered and the
 * others merged by a loop; both ways give the same ids (tests/unit/data/encode-pieces.test.ts), and a file of 10 MB was read in
 * Node in a quarter of the time.
 */
import { createWordEncoder, type MergeTable } from './bpe-model.ts';
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
}
/** Normalised text without added tokens; the first of a text may be read differently from the others. */
export type SectionEncoder = (text: string, isFirst: boolean) => readonly number[];

/** Pieces per generation; with their ids about 100 bytes each. */
const REMEMBERED_PIECES = 20_000;

type PreTokenizer = LibraryTokenizer['pre_tokenizer'];

/** null: the tokenizer is of another kind. */
export function createPieceEncoder(
  json: Json,
  preTokenizer: PreTokenizer,
  table: MergeTable,
): SectionEncoder | null {
  const model = json['model'] as Json;
  const [byteLevel, ...before] = (preTokenizer?.tokenizers ?? []).toReversed();
  if (!isOfPieces(json) || byteLevel === undefined) return null;
  const encodePiece = createBytePairs(table, byteLevel.byte_encoder, model['ignore_merges'] === true);
  if (encodePiece === null) return null;

  const encodeWord = createWordEncoder(model, table);
  const longPiece = (piece: string): readonly number[] => byteLevel.pre_tokenize([piece]).flatMap(encodeWord);
  const idsOf = remembering((piece) =>
    piece.length > MAX_PIECE_CHARS ? longPiece(piece) : encodePiece(piece),
  );
  const split = before.toReversed().map(isolating);

  return (text) => {
    const ids: number[] = [];
    for (const piece of split.reduce((pieces, step) => step(pieces), [text]))
      for (const id of idsOf(piece)) ids.push(id);
    return ids;
  };
}

/** For every kind of tokenizer. */
export function createGeneralEncoder(
  json: Json,
  preTokenize: PreTokenizer,
  table: MergeTable,
): SectionEncoder {
  const idsOf = remembering(createWordEncoder(json['model'] as Json, table));
  return (text, isFirst) => {
    const ids: number[] = [];
    for (const piece of preTokenize === null ? [text] : preTokenize(text, { section_index: isFirst ? 0 : 1 }))
      for (const id of idsOf(piece)) ids.push(id);
    return ids;
  };
}

/** Those of short pieces: a gigabyte of text has too many long ones. */
function remembering(encode: (piece: string) => readonly number[]): (piece: string) => readonly number[] {
  const remembered = new RecentMap<readonly number[]>(REMEMBERED_PIECES);
  return (piece) => {
    if (piece.length > MAX_PIECE_CHARS) return encode(piece);
    const known = remembered.get(piece);
    if (known !== undefined) return known;
    const ids = encode(piece);
    remembered.offer(piece, ids);
    return ids;
  };
}

/** Splits that isolate, then bytes: the ids of a piece depend on the piece alone. */
function isOfPieces({ model, pre_tokenizer: sequence }: Json): boolean {
  if (!isJson(model) || !isJson(sequence) || !Array.isArray(sequence['pretokenizers'])) return false;
  const steps = sequence['pretokenizers'].filter(isJson);
  const last = steps.pop();
  const isPlain =
    !model['byte_fallback'] && !model['end_of_word_suffix'] && !model['continuing_subword_prefix'];
  return (
    last?.['type'] === 'ByteLevel' &&
    isPlain &&
    steps.every(({ type, behavior }) => type === 'Split' && behavior === 'Isolated')
  );
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

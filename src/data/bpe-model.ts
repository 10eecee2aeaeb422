/**
 * The BPE model of tokenizer.json as tokenizers 0.23 reads it (models/bpe): letters to ids, then merges of ids. Unlike the
 * library's, it knows prefixes of continued words, unknown tokens that are fused, and that what has no id is not between its neighbours.
 */
import { TrainerError } from '../support/trainer-error.ts';
import type { Json } from './tokenizer-files.ts';
import { textOf } from '../support/text-of.ts';

export interface MergeTable {
  readonly idOf: ReadonlyMap<string, number>; // of the vocabulary, without added tokens
  readonly size: number; // highest id + 1
  readonly rankOfPair: ReadonlyMap<number, number>; // left · size + right → index of the merge
  readonly merged: Int32Array; // index of the merge → id
}

const invalid = (message: string): TrainerError =>
  new TrainerError('model-file-invalid', `tokenizer.json ${message}`);

/** Of a model that `checkBpe` let through. A pair that is there twice has the later rank, as in tokenizers. */
export function createMergeTable(model: Json): MergeTable {
  const idOf = new Map(Object.entries(model['vocab'] as Record<string, number>));
  const merges = model['merges'] as readonly string[]; // "left right", the earliest learnt first
  const prefixLength = fieldText(model, 'continuing_subword_prefix').length;
  let size = 0;
  for (const id of idOf.values()) size = Math.max(size, id + 1);
  const rankOfPair = new Map<number, number>();
  const merged = new Int32Array(merges.length);
  for (const [rank, merge] of merges.entries()) {
    const space = merge.indexOf(' ');
    const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
    const ids = [left, right, left + right.slice(prefixLength)].map((token) => idOf.get(token) as number);
    rankOfPair.set(ids[0] * size + ids[1], rank);
    merged[rank] = ids[2];
  }
  return { idOf, size, rankOfPair, merged };
}

const fieldText = (model: Json, field: string): string => {
  const value = model[field];
  return typeof value === 'string' ? value : '';
};

/** What `createWordEncoder` would give wrong ids for, or none. @throws TrainerError "model-file-invalid" */
export function checkBpe(model: Json): void {
  const { dropout, unk_token: unknown } = model;
  if (typeof dropout === 'number' && dropout > 0)
    throw invalid('has a "dropout": its ids would differ from one reading to the next. Set it to null.');
  for (const field of ['unk_token', 'continuing_subword_prefix', 'end_of_word_suffix'])
    if (typeof (model[field] ?? '') !== 'string') throw invalid(`has a "${field}" that is not a text.`);
  if (model['continuing_subword_suffix'])
    throw invalid('has a "continuing_subword_suffix", which tokenizers does not know.');
  const has = (token: string): boolean => Object.hasOwn(model['vocab'] as Json, token);
  if (typeof unknown === 'string' && !has(unknown) && lacksBytes(has))
    throw invalid(`has the "unk_token" ${textOf(unknown)}, which is not in the vocabulary.`);
  const prefixLength = fieldText(model, 'continuing_subword_prefix').length;
  for (const merge of model['merges'] as readonly string[]) {
    const space = merge.indexOf(' ');
    const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
    if (!has(left) || !has(right) || !has(left + right.slice(prefixLength)))
      throw invalid(`has the merge ${textOf(merge)}, and the vocabulary lacks a part or the result of it.`);
  }
}

/** Neither the 256 letters of ByteLevel nor <0x00> to <0xFF>: there are texts that the vocabulary cannot write. */
function lacksBytes(has: (token: string) => boolean): boolean {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  return !bytes.every((byte) => has(byteToken(byte))) && !bytes.every((byte) => has(byteLetter(byte)));
}

const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;

/** The letter that stands for a byte in the vocabularies of ByteLevel: itself where it is seen, else one from U+0100 on. */
export function byteLetter(byte: number): string {
  const isSeen = (n: number): boolean => (n > 32 && n < 127) || (n > 160 && n !== 173);
  if (isSeen(byte)) return String.fromCodePoint(byte);
  let hidden = 0;
  for (let other = 0; other < byte; other++) if (!isSeen(other)) hidden++;
  return String.fromCodePoint(256 + hidden);
}

/** A piece that the pre-tokenizer made → ids. */
export function createWordEncoder(model: Json, table: MergeTable): (piece: string) => number[] {
  const { idOf } = table;
  const prefix = fieldText(model, 'continuing_subword_prefix');
  const suffix = fieldText(model, 'end_of_word_suffix');
  const unknown = idOf.get(fieldText(model, 'unk_token'));
  const [fuses, fallsBack] = [model['fuse_unk'] === true, model['byte_fallback'] === true];
  const utf8 = new TextEncoder();
  const bytesOf = (letter: string): number[] | null => {
    const ids = Array.from(utf8.encode(letter), (byte) => idOf.get(byteToken(byte)));
    return ids.every((id) => id !== undefined) ? ids : null;
  };
  const symbolsOf = (piece: string): number[] => {
    const symbols: number[] = [];
    const letters = Array.from(piece);
    let pending = false; // an unknown one that the next may be fused with
    for (const [i, letter] of letters.entries()) {
      const text = (i > 0 ? prefix : '') + letter + (i === letters.length - 1 ? suffix : '');
      const id = idOf.get(text);
      const bytes = id === undefined && fallsBack ? bytesOf(text) : null;
      if (bytes !== null) {
        symbols.push(...bytes); // before the unknown one that waits, as there
      } else if (id === undefined && unknown !== undefined) {
        if (pending && !fuses) symbols.push(unknown);
        pending = true;
      } else if (id !== undefined) {
        if (pending) symbols.push(unknown as number);
        pending = false;
        symbols.push(id);
      }
    }
    if (pending) symbols.push(unknown as number);
    return symbols;
  };
  return (piece) => {
    if (piece === '') return [];
    const whole = model['ignore_merges'] === true ? idOf.get(piece) : undefined;
    return whole === undefined ? mergeAll(symbolsOf(piece), table) : [whole];
  };
}

/** More places than a row has bytes: rank · PLACES + place is exact. */
const PLACES = 2 ** 27;

/** The earliest learnt merge first, of equals the leftmost. A heap: pieces of some tokenizers are whole texts. */
function mergeAll(symbols: number[], { size, rankOfPair, merged }: MergeTable): number[] {
  const next = Int32Array.from(symbols, (_, i) => i + 1);
  const previous = Int32Array.from(symbols, (_, i) => i - 1);
  const rankAt = (i: number): number | undefined =>
    next[i] < symbols.length ? rankOfPair.get(symbols[i] * size + symbols[next[i]]) : undefined;
  const heap: number[] = [];
  const offer = (i: number): void => {
    const rank = rankAt(i);
    if (rank !== undefined) push(heap, rank * PLACES + i);
  };
  for (let i = 0; i < symbols.length; i++) offer(i);
  for (let key = pop(heap); key !== undefined; key = pop(heap)) {
    const [rank, at] = [Math.floor(key / PLACES), key % PLACES];
    if (symbols[at] < 0 || rankAt(at) !== rank) continue;
    const right = next[at];
    symbols[at] = merged[rank];
    symbols[right] = -1; // part of its neighbour
    next[at] = next[right];
    if (next[at] < symbols.length) previous[next[at]] = at;
    offer(at);
    if (previous[at] >= 0) offer(previous[at]);
  }
  return symbols.filter((id) => id >= 0);
}

function push(heap: number[], key: number): void {
  let at = heap.push(key) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (heap[above] <= key) break;
    heap[at] = heap[above];
    at = above;
  }
  heap[at] = key;
}

function pop(heap: number[]): number | undefined {
  const least = heap.at(0);
  const key = heap.pop();
  if (key === undefined || heap.length === 0) return least;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && heap[below + 1] < heap[below]) below++;
    if (heap[below] >= key) break;
    heap[at] = heap[below];
    at = below;
  }
  heap[at] = key;
  return least;
}

/** Tokens to text as the decoders of tokenizers 0.23 do it; the library's lose byte order marks and count wrong bytes otherwise. */
import { TrainerError } from '../support/trainer-error.ts';
import { byteLetter } from './bpe-model.ts';
import { fromOniguruma } from './onig-pattern.ts';
import { isJson, type Json } from './tokenizer-files.ts';
import { escaped, listOf, patternOf, textField } from './tokenizer-steps.ts';
import { textOf } from '../support/text-of.ts';

type Step = (tokens: readonly string[]) => string[];
/** `isAdded`: such a token is written as it is, also where its letters stand for bytes. */
export type TokenDecoder = (tokens: readonly string[], isAdded: (token: string) => boolean) => string;

const unsupported = (name: unknown): TrainerError =>
  new TrainerError(
    'model-file-invalid',
    `tokenizer.json has the decoder ${textOf(name)}; ByteLevel, Metaspace, and Sequences of ByteFallback, Fuse, Strip and Replace are supported.`,
  );

/** @throws TrainerError "model-file-invalid" */
export function createDecoder(value: unknown): TokenDecoder {
  if (value === null || value === undefined) return (tokens) => tokens.join(' ');
  if (!isJson(value)) throw unsupported(value);
  if (value['type'] === 'ByteLevel') return byteLevel;
  const steps = value['type'] === 'Sequence' ? listOf(value, 'decoders') : [value];
  if (steps.length === 1 && isJson(steps[0]) && steps[0]['type'] === 'ByteLevel') return byteLevel;
  const decoders = steps.map(stepOf);
  return (tokens) => decoders.reduce<readonly string[]>((texts, decode) => decode(texts), tokens).join('');
}

function stepOf(value: unknown): Step {
  if (!isJson(value)) throw unsupported(value);
  switch (value['type']) {
    case 'ByteFallback':
      return byteFallback;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Strip':
      return strip(textField(value, 'content'), Number(value['start']), Number(value['stop']));
    case 'Replace': {
      const { String: text, Regex: pattern } = patternOf(value);
      const form = new RegExp(text === undefined ? fromOniguruma(pattern) : escaped(text), 'gu');
      const content = textField(value, 'content');
      return (tokens) => tokens.map((token) => token.replace(form, () => content));
    }
    case 'Metaspace':
      return metaspace(value);
    default:
      throw unsupported(value['type']);
  }
}

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const utf8 = new TextEncoder();
const byteOf = new Map(Array.from({ length: 256 }, (_, byte) => [byteLetter(byte), byte]));

const byteLevel: TokenDecoder = (tokens, isAdded) => {
  const bytes = tokens.flatMap((token) => {
    const own = isAdded(token) ? [undefined] : Array.from(token, (letter) => byteOf.get(letter));
    return own.every((byte) => byte !== undefined) ? own : Array.from(utf8.encode(token));
  });
  return lossy.decode(Uint8Array.from(bytes));
};

/** "<0x0A>" and its like; bytes that are no text give a sign for each of them. */
function byteFallback(tokens: readonly string[]): string[] {
  const texts: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      texts.push(strict.decode(Uint8Array.from(bytes)));
    } catch {
      texts.push(...bytes.map(() => '\ufffd'));
    }
    bytes = [];
  };
  for (const token of tokens) {
    const digits = /^<0x([\da-f]{2})>$/i.exec(token)?.[1];
    if (digits !== undefined) bytes.push(Number.parseInt(digits, 16));
    else {
      flush();
      texts.push(token);
    }
  }
  flush();
  return texts;
}

/** At most `start` and `stop` of these letters at the ends of each. */
function strip(content: string, start: number, stop: number): Step {
  return (tokens) =>
    tokens.map((token) => {
      const letters = Array.from(token);
      let [from, to] = [0, letters.length];
      while (from < Math.min(start, letters.length) && letters[from] === content) from++;
      while (letters.length - to < stop && to > from && letters[to - 1] === content) to--;
      return letters.slice(from, to).join('');
    });
}

/** In the first token the sign stands for nothing, unless none was put there. */
function metaspace(value: Json): Step {
  const sign = textField(value, 'replacement');
  const atStart = value['prepend_scheme'] === 'never' ? ' ' : '';
  return (tokens) => tokens.map((token, i) => token.replaceAll(sign, i === 0 ? atStart : ' '));
}

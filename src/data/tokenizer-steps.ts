/**
 * The steps of a tokenizer.json before its model, rewritten into those that @xenova/transformers 2.17 computes as
 * tokenizers 0.23 does. Where the library means something else by the same name (white space, digits, accents, case), the
 * step becomes one or several that agree; a step for which there is none is refused by name.
 */
import { TrainerError } from '../api/trainer-error.ts';
import type { Json } from './tokenizer-files.ts';

const invalid = (message: string): TrainerError =>
  new TrainerError('model-file-invalid', `tokenizer.json ${message}`);
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** GPT-2's split pattern, which "ByteLevel" applies when use_regex is not switched off. */
const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

const split = (pattern: string): Json => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
});

export function rewritePreTokenizer(value: unknown): unknown {
  if (value === null) return null;
  if (!isObject(value)) throw invalid('has a "pre_tokenizer" that is not an object.');
  const { type } = value;
  switch (type) {
    case 'Sequence':
      return {
        ...value,
        pretokenizers: stepsIn(value, 'pretokenizers').map(rewritePreTokenizer).flatMap(stepsOf),
      };
    case 'ByteLevel': {
      if (value['use_regex'] === false || value['add_prefix_space'] === true) return value;
      return {
        type: 'Sequence',
        pretokenizers: [rewritePreTokenizer(split(gpt2Pattern)), { ...value, use_regex: false }],
      };
    }
    case 'Digits': // the library's are 0 to 9, tokenizers' every number of Unicode
      return split(value['individual_digits'] === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
    case 'Metaspace':
      return rewriteMetaspace(value);
    case 'Split':
      return rewriteSplit(value);
    default:
      throw invalid(
        `has the pre-tokenizer ${JSON.stringify(type)}; ByteLevel, Split, Digits, Metaspace and sequences of them are supported.`,
      );
  }
}

function rewriteSplit(value: Json): Json {
  const behavior = value['behavior'];
  const isInverse = value['invert'] === true;
  if (behavior !== (isInverse ? 'Removed' : 'Isolated'))
    throw invalid(
      `has a pre-tokenizer Split with behavior ${String(behavior)}${isInverse ? ' and invert' : ''}; "Isolated" is supported, and "Removed" with invert.`,
    );
  const pattern = value['pattern'];
  if (!isObject(pattern) || typeof pattern['Regex'] !== 'string') return value;
  return { ...value, pattern: { Regex: unicodeSpaces(pattern['Regex']) } };
}

/** `prepend_scheme` decides; the older `add_prefix_space` where there is none. The library asks for both, and never splits. */
function rewriteMetaspace(value: Json): Json {
  const replacement = typeof value['replacement'] === 'string' ? value['replacement'] : '▁';
  const scheme = value['prepend_scheme'] ?? (value['add_prefix_space'] === false ? 'never' : 'always');
  const step = { ...value, replacement, prepend_scheme: scheme, add_prefix_space: scheme !== 'never' };
  if (value['split'] === false) return step;
  const letter = replacement.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
  return { type: 'Sequence', pretokenizers: [step, split(`${letter}[^${letter}]*|[^${letter}]+`)] };
}

export function rewriteNormalizer(value: unknown): unknown {
  if (value === null) return null;
  if (!isObject(value)) throw invalid('has a "normalizer" that is not an object.');
  const { type } = value;
  switch (type) {
    case 'Sequence':
      return sequence(stepsIn(value, 'normalizers').map(rewriteNormalizer));
    case 'Strip':
      return sequence([
        ...(value['strip_left'] === true ? [replaced(String.raw`^\p{White_Space}+`)] : []),
        ...(value['strip_right'] === true ? [replaced(String.raw`\p{White_Space}+$`)] : []),
      ]);
    case 'StripAccents': // the library's are those of Latin letters alone
      return replaced(String.raw`\p{Mn}`);
    case 'Lowercase': // letter by letter in tokenizers; JavaScript knows the sigma at the end of a word
      return sequence([{ type: 'Replace', pattern: { String: 'Σ' }, content: 'σ' }, value]);
    case 'Replace': {
      const pattern = value['pattern'];
      if (!isObject(pattern) || typeof pattern['Regex'] !== 'string') return value;
      return { ...value, pattern: { Regex: unicodeSpaces(pattern['Regex']) } };
    }
    case 'NFC':
    case 'NFKC':
    case 'NFKD':
    case 'Prepend':
      return value;
    default:
      throw invalid(
        `has the normalizer ${JSON.stringify(type)}; NFC, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend and sequences of them are supported.`,
      );
  }
}

const sequence = (normalizers: readonly unknown[]): Json => ({ type: 'Sequence', normalizers });
const replaced = (pattern: string): Json => ({ type: 'Replace', pattern: { Regex: pattern }, content: '' });

function stepsIn(value: Json, name: string): readonly unknown[] {
  const steps = value[name];
  if (!Array.isArray(steps)) throw invalid(`has a "Sequence" without ${name}.`);
  return steps;
}

/** A step that was rewritten into several stands for these. */
const stepsOf = (step: unknown): unknown[] =>
  isObject(step) && step['type'] === 'Sequence' ? (step['pretokenizers'] as unknown[]) : [step];

/** In JavaScript \s has U+FEFF and lacks U+0085; in HF's expressions it is the Unicode property. */
function unicodeSpaces(pattern: string): string {
  return pattern.replace(/\\(.)/gs, (escape, letter: string) =>
    letter === 's' ? String.raw`\p{White_Space}` : letter === 'S' ? String.raw`\P{White_Space}` : escape,
  );
}

/**
 * The normaliser and the pre-tokenizer of tokenizer.json, rewritten into what @xenova/transformers 2.17 reads
 * as tokenizers 0.23 reads the originals. What cannot be said that way is refused by its name, and so is what is unknown.
 */
import { TrainerError } from '../support/trainer-error.ts';
import { fromOniguruma } from './onig-pattern.ts';
import { isJson, type Json } from './tokenizer-files.ts';
import { textOf } from '../support/text-of.ts';

const invalid = (message: string): TrainerError =>
  new TrainerError('model-file-invalid', `tokenizer.json ${message}`);

/** GPT-2's split pattern, which "ByteLevel" applies when use_regex is not switched off. */
const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const space = String.raw`\p{White_Space}`;
const word = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;

/**
 * What tokenizers calls punctuation: that of ASCII, and Unicode 8's. Of the code points that were added since, those below are
 * in \p{P} and not there; two changed sides.
 */
const laterPunctuation = [
  String.raw`\u{61d}\u{9fd}\u{a76}\u{c77}\u{c84}\u{1b4e}-\u{1b4f}\u{1b7d}-\u{1b7f}\u{2e43}-\u{2e4f}`,
  String.raw`\u{2e52}-\u{2e5d}\u{10d6e}\u{10ead}\u{10ed0}\u{10f55}-\u{10f59}\u{10f86}-\u{10f89}`,
  String.raw`\u{113d4}-\u{113d5}\u{113d7}-\u{113d8}\u{1144b}-\u{1144f}\u{1145a}-\u{1145b}\u{1145d}`,
  String.raw`\u{11660}-\u{1166c}\u{116b9}\u{1183b}\u{11944}-\u{11946}\u{119e2}\u{11a3f}-\u{11a46}`,
  String.raw`\u{11a9a}-\u{11a9c}\u{11a9e}-\u{11aa2}\u{11b00}-\u{11b09}\u{11be1}\u{11c41}-\u{11c45}`,
  String.raw`\u{11c70}-\u{11c71}\u{11ef7}-\u{11ef8}\u{11f43}-\u{11f4f}\u{11fff}\u{12ff1}-\u{12ff2}`,
  String.raw`\u{16d6d}-\u{16d6f}\u{16e97}-\u{16e9a}\u{16fe2}\u{1e5ff}\u{1e95e}-\u{1e95f}`,
].join('');
const punctuation = String.raw`\p{P}!-\/:-@\[-${'`'}{-~\u{166d}\u{111c9}`;
const isPunctuation = `(?![${laterPunctuation}])[${punctuation}]`;
const noPunctuation = `(?:[^${punctuation}]|[${laterPunctuation}])`;

/** Matches, and what is between them. */
const isolated = (Regex: string): Json => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Isolated',
  invert: false,
});
/** Matches alone. */
const kept = (Regex: string): Json => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Removed',
  invert: true,
});

export function readNormalizer(value: unknown): Json | null {
  const steps = normalizerSteps(value);
  return steps.length === 0 ? null : { type: 'Sequence', normalizers: steps };
}

function normalizerSteps(value: unknown): Json[] {
  if (value === null || value === undefined) return [];
  if (!isJson(value)) throw invalid('has a "normalizer" that is not an object.');
  switch (value['type']) {
    case 'Sequence':
      return listOf(value, 'normalizers').flatMap(normalizerSteps);
    case 'NFC':
    case 'NFKC':
    case 'NFKD':
      return [{ type: value['type'] }];
    case 'Lowercase': // letter by letter in tokenizers; JavaScript knows the sigma at the end of a word
      return [replacing('Σ', 'σ'), { type: 'Lowercase' }];
    case 'Replace': {
      const { String: text, Regex: pattern } = patternOf(value);
      return [
        replacing(text === undefined ? fromOniguruma(pattern) : escaped(text), textField(value, 'content')),
      ];
    }
    case 'Prepend': // before a text that is not empty
      return [replacing('^(?=[^])', textField(value, 'prepend'))];
    case 'Strip': {
      const ends = [
        value['strip_left'] === false ? [] : `^${space}+`,
        value['strip_right'] === false ? [] : `${space}+$`,
      ].flat();
      return ends.map((end) => replacing(end, ''));
    }
    default:
      throw invalid(
        `has the normalizer ${textOf(value['type'])}; Sequence, NFC, NFKC, NFKD, Lowercase, Replace, Prepend and Strip are supported.`,
      );
  }
}

/** The library puts a dollar sign's meaning into the content. */
const replacing = (Regex: string, content: string): Json => ({
  type: 'Replace',
  pattern: { Regex },
  content: content.replaceAll('$', '$$$$'),
});

export function readPreTokenizer(value: unknown): Json | null {
  const steps = preTokenizerSteps(value, true);
  return steps.length === 0 ? null : { type: 'Sequence', pretokenizers: steps };
}

/**
 * "first" asks whether a piece begins where the text began. What a normaliser deleted there counts, and the library's do not
 * say what they deleted.
 */
export function checkBeginning(normalizer: unknown, preTokenizer: unknown): void {
  const isFirst = (step: Json): boolean => step['type'] === 'Metaspace' && step['prepend_scheme'] === 'first';
  if (!stepsWithin(preTokenizer, 'pretokenizers').some(isFirst)) return;
  const deleting = stepsWithin(normalizer, 'normalizers').find(
    (step) =>
      (step['type'] === 'Strip' && step['strip_left'] !== false) ||
      (step['type'] === 'Replace' && step['content'] === ''),
  );
  if (deleting === undefined) return;
  throw invalid(
    `has the normalizer ${textOf(deleting['type'])}, which may delete the beginning of a text, before a "Metaspace" with the prepend_scheme "first", which asks for it: that is not supported.`,
  );
}

function stepsWithin(value: unknown, field: string): Json[] {
  if (!isJson(value)) return [];
  const inner = value[field];
  return Array.isArray(inner) ? inner.flatMap((step: unknown) => stepsWithin(step, field)) : [value];
}

/** `isFirst`: nothing has split the text before. */
function preTokenizerSteps(value: unknown, isFirst: boolean): Json[] {
  if (value === null || value === undefined) return [];
  if (!isJson(value)) throw invalid('has a "pre_tokenizer" that is not an object.');
  switch (value['type']) {
    case 'Sequence':
      return listOf(value, 'pretokenizers').flatMap((step, i) => preTokenizerSteps(step, isFirst && i === 0));
    case 'ByteLevel':
      return [
        ...(value['add_prefix_space'] === true
          ? [{ type: 'Replace', pattern: { Regex: '^(?! )' }, content: ' ' }]
          : []),
        ...(value['use_regex'] === false ? [] : [isolated(fromOniguruma(gpt2Pattern))]),
        { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      ];
    case 'Split':
      return [splitStep(value)];
    case 'Digits':
      return [isolated(value['individual_digits'] === true ? String.raw`\p{N}` : String.raw`\p{N}+`)];
    case 'Punctuation': {
      const behavior = value['behavior'] ?? 'Isolated';
      if (behavior === 'Isolated') return [isolated(isPunctuation)];
      if (behavior === 'Contiguous') return [isolated(`(?:${isPunctuation})+`)];
      if (behavior === 'Removed') return [kept(`${noPunctuation}+`)];
      throw invalid(
        `splits punctuation with behavior ${textOf(behavior)}; Isolated, Contiguous and Removed are supported.`,
      );
    }
    case 'Whitespace':
      return [kept(`[${word}]+|[^${word}${space}]+`)];
    case 'WhitespaceSplit':
      return [kept(`[^${space}]+`)];
    case 'BertPreTokenizer':
      return [kept(`[^${space}]+`), isolated(isPunctuation)];
    case 'CharDelimiterSplit':
      return [kept(`[^${escaped(textField(value, 'delimiter'))}]+`)];
    case 'Metaspace':
      return metaspaceSteps(value, isFirst);
    default:
      throw invalid(
        `has the pre-tokenizer ${textOf(value['type'])}; Sequence, ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit and Metaspace are supported.`,
      );
  }
}

/** Behaviours that join a match with its neighbours are read where the pattern is one letter. */
function splitStep(value: Json): Json {
  const { String: text, Regex: pattern } = patternOf(value);
  const behavior = typeof value['behavior'] === 'string' ? value['behavior'] : textOf(value['behavior']);
  const regex = text === undefined ? fromOniguruma(pattern) : escaped(text);
  const isInverted = value['invert'] === true;
  if (behavior === 'Isolated' && text !== '') return isolated(regex);
  if (behavior === 'Removed' && isInverted) return kept(regex);
  if (text !== undefined && Array.from(text).length === 1 && !isInverted) {
    const other = `[^${regex}]`;
    if (behavior === 'Removed') return kept(`${other}+`);
    if (behavior === 'Contiguous') return isolated(`${regex}+`);
    if (behavior === 'MergedWithPrevious') return isolated(`${other}*${regex}`);
    if (behavior === 'MergedWithNext') return isolated(`${regex}${other}*`);
  }
  throw invalid(
    `splits at ${textOf(text ?? pattern)} with behavior ${behavior}${isInverted ? ', inverted' : ''}; of patterns of more than one letter "Isolated" and the inverted "Removed" are supported.`,
  );
}

function metaspaceSteps(value: Json, isFirst: boolean): Json[] {
  const replacement = textField(value, 'replacement');
  // The older field alone is what tokenizers before 0.15 wrote; today's refuses it where it is false.
  const scheme = value['prepend_scheme'] ?? (value['add_prefix_space'] === false ? 'never' : 'always');
  if (
    Array.from(replacement).length !== 1 ||
    (scheme !== 'always' && scheme !== 'first' && scheme !== 'never')
  )
    throw invalid(`has a "Metaspace" of ${textOf(replacement)} with the prepend_scheme ${textOf(scheme)}.`);
  if (value['add_prefix_space'] === false && scheme !== 'never')
    throw invalid(`has a "Metaspace" whose add_prefix_space is false and whose prepend_scheme is ${scheme}.`);
  if (scheme === 'first' && !isFirst)
    throw invalid(
      'has a "Metaspace" with the prepend_scheme "first" after another step, which is not supported.',
    );
  const step = {
    type: 'Metaspace',
    replacement,
    add_prefix_space: scheme !== 'never',
    prepend_scheme: scheme,
  };
  const letter = escaped(replacement);
  return value['split'] === false ? [step] : [step, isolated(`${letter}[^${letter}]*`)];
}

export function listOf(value: Json, field: string): unknown[] {
  const list = value[field];
  if (!Array.isArray(list)) throw invalid(`has a "Sequence" without "${field}".`);
  return list as unknown[];
}

export function textField(value: Json, field: string): string {
  const text = value[field];
  if (typeof text === 'string') return text;
  throw invalid(`has a ${textOf(value['type'])} without a text "${field}".`);
}

export function patternOf(
  value: Json,
): { readonly String: string; readonly Regex?: never } | { readonly String?: never; readonly Regex: string } {
  const pattern = value['pattern'];
  if (typeof pattern === 'string') return { String: pattern };
  if (isJson(pattern) && typeof pattern['String'] === 'string') return { String: pattern['String'] };
  if (isJson(pattern) && typeof pattern['Regex'] === 'string') return { Regex: pattern['Regex'] };
  throw invalid(`has a ${textOf(value['type'])} whose pattern is ${textOf(pattern)}.`);
}

/** Letters as a pattern for these letters, outside and inside a class. */
export function escaped(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}/-]/g, (letter) =>
    letter === '-' ? String.raw`\x2d` : `\\${letter}`,
  );
}

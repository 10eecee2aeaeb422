/**
 * The files of a model's folder that its tokenizer is made of, and what they say together of added and special tokens:
 * as transformers 5 reads them (PreTrainedTokenizerBase._from_pretrained, TokenizersBackend.__init__), whichever of them
 * there are.
 */
import { TrainerError } from '../support/trainer-error.ts';
import { addedTokenFlags } from './added-tokens.ts';
import { isJson, type AddedToken, type Json } from './tokenizer-files.ts';
import { parseJson } from '../support/parse-json.ts';

export interface TokenizerFiles {
  readonly tokenizerJson: unknown;
  readonly tokenizerConfig: Json;
  readonly generationConfig: Json | null;
  readonly chatTemplate: string | null; // chat_template.jinja
  readonly specialTokensMap?: Json | null;
  readonly addedTokens?: Json | null; // added_tokens.json: text → id
  readonly modelConfig?: Json | null; // config.json: end tokens and the rows of the embedding
}

/** `readText`: null where there is no such file. @throws TrainerError "model-file-missing", "model-file-invalid" */
export async function readTokenizerFiles(
  folder: string,
  readText: (name: string) => Promise<string | null>,
): Promise<TokenizerFiles> {
  const readJson = async (name: string): Promise<Json | null> => {
    const text = await readText(name);
    return text === null ? null : parsed(text, name, folder);
  };
  const tokenizerJson = await readJson('tokenizer.json');
  if (tokenizerJson === null)
    throw new TrainerError(
      'model-file-missing',
      `${folder} has no tokenizer.json. Where there is only tokenizer.model or vocab.json, AutoTokenizer.from_pretrained(…).save_pretrained(…) of transformers writes one.`,
    );
  return {
    tokenizerJson,
    tokenizerConfig: (await readJson('tokenizer_config.json')) ?? {},
    generationConfig: await readJson('generation_config.json'),
    chatTemplate: await readText('chat_template.jinja'),
    specialTokensMap: await readJson('special_tokens_map.json'),
    addedTokens: await readJson('added_tokens.json'),
  };
}

function parsed(text: string, name: string, folder: string): Json {
  try {
    // Python's writers put NaN and Infinity where they have them; the tokenizer's files have none.
    const value: unknown = parseJson(text.replace(/^\uFEFF/, ''));
    if (isJson(value)) return value;
    throw new SyntaxError('it is not a JSON object');
  } catch (error) {
    throw new TrainerError(
      'model-file-invalid',
      `${name} of ${folder} cannot be read as JSON.`,
      String(error),
    );
  }
}

/** Names that mark a token as special wherever they stand. */
const namedTokens = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;
type SpecialNames = Readonly<Record<(typeof namedTokens)[number], string | null>>;

interface SpecialTokens {
  readonly named: SpecialNames;
  /** What a chat template finds under these names, and those of the model's own. */
  readonly variables: Readonly<Record<string, string>>;
  /** Tokens that the files beside tokenizer.json list, in the order in which transformers adds them. */
  readonly listed: readonly Omit<AddedToken, 'id'>[];
  /** Tokens that are only named there: they are added where there is none of that text. */
  readonly mentioned: readonly Omit<AddedToken, 'id'>[];
  /** Special though they have no name: "additional" or "extra" ones, and names of the model's own. */
  readonly extra: readonly string[];
  /** What a file says of them and is not used, in sentences. */
  readonly notes: readonly string[];
}

export function readSpecialTokens({
  tokenizerConfig,
  specialTokensMap,
  addedTokens,
}: TokenizerFiles): SpecialTokens {
  if (tokenizerConfig['split_special_tokens'] === true)
    throw new TrainerError(
      'model-file-invalid',
      'tokenizer_config.json sets split_special_tokens: the tokens that a chat template writes would be cut into letters. Set it to false.',
    );
  const decoder = tokenizerConfig['added_tokens_decoder'];
  const hasDecoder = isJson(decoder);
  // The map is of older days: it is read, and goes before the config, where the config has no list of tokens.
  const config: Json =
    hasDecoder || !specialTokensMap ? tokenizerConfig : { ...tokenizerConfig, ...specialTokensMap };
  const named = Object.fromEntries(
    namedTokens.map((name) => [name, tokenText(config[name])]),
  ) as SpecialNames;
  const extraTokens = extraSpecials(config);
  const specials = [...namedTokens.map((name) => config[name]), ...extraTokens];
  const listed = hasDecoder ? fromDecoder(decoder) : fromMap(addedTokens ?? {}, specials);
  const texts = [...Object.entries(named), ...ownNames(config)];
  return {
    named,
    variables: Object.fromEntries(texts.filter((entry): entry is [string, string] => entry[1] !== null)),
    listed: listed.map((token) =>
      Object.values(named).includes(token.content) ? { ...token, special: true } : token,
    ),
    mentioned: specials.flatMap(asSpecial),
    extra: extraTokens.flatMap((token) => tokenText(token) ?? []),
    notes: hasDecoder ? unreadMap(named, specialTokensMap ?? {}) : [],
  };
}

/** A map that says nothing else is no news. */
function unreadMap(named: SpecialNames, map: Json): string[] {
  const others = namedTokens.filter((name) => name in map && tokenText(map[name]) !== named[name]);
  if (others.length === 0) return [];
  return [
    `special_tokens_map.json says otherwise of ${others.join(', ')} and is not used: tokenizer_config.json has added_tokens_decoder, and transformers 5 then reads the names there.`,
  ];
}

/** "bos_token" is written as a text, or as an object with "content". */
function tokenText(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  if (isJson(value) && typeof value['content'] === 'string' && value['content'] !== '')
    return value['content'];
  return null;
}

function extraSpecials(config: Json): unknown[] {
  const extra = [config['extra_special_tokens'], config['additional_special_tokens']].find(
    (value) => value !== undefined && value !== null && (!Array.isArray(value) || value.length > 0),
  );
  const own = ownNames(config).map(([, value]) => value);
  if (Array.isArray(extra)) return [...(extra as unknown[]), ...own];
  return isJson(extra) ? [...Object.values(extra), ...own] : own;
}

/** "image_token" and the like. */
function ownNames(config: Json): [string, string][] {
  return Object.entries(config).filter(
    (entry): entry is [string, string] =>
      entry[0].endsWith('_token') &&
      typeof entry[1] === 'string' &&
      !(namedTokens as readonly string[]).includes(entry[0]),
  );
}

/** Ids are given in the order of the list, as transformers gives them: it does not use those of the file. */
function fromDecoder(decoder: Json): Omit<AddedToken, 'id'>[] {
  return Object.entries(decoder)
    .sort(([a], [b]) => Number(a) - Number(b))
    .flatMap(([, token]) => (isJson(token) ? flagged(token) : []));
}

function fromMap(tokens: Json, specials: readonly unknown[]): Omit<AddedToken, 'id'>[] {
  const special = new Set(specials.map(tokenText));
  return Object.entries(tokens)
    .filter(([, id]) => Number.isSafeInteger(id))
    .sort(([, a], [, b]) => (a as number) - (b as number))
    .flatMap(([content]) => flagged({ content, special: special.has(content) }));
}

const asSpecial = (value: unknown): Omit<AddedToken, 'id'>[] => {
  const content = tokenText(value);
  if (content === null) return [];
  return flagged(isJson(value) ? { ...value, special: true } : { content, special: true });
};

function flagged(token: Json): Omit<AddedToken, 'id'>[] {
  const content = token['content'];
  if (typeof content !== 'string' || content === '') return [];
  return [{ ...addedTokenFlags(token), content }];
}

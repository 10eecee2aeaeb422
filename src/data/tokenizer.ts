/** Text to token ids and back, exactly as Hugging Face's tokenizers do it; chat templates are in data/chat-template.ts. */
import { PreTrainedTokenizer } from '@xenova/transformers';
import { TrainerError } from '../api/trainer-error.ts';
import { createChatTemplate, type ChatTemplate } from './chat-template.ts';
import { createPieceEncoder, type LibraryTokenizer } from './encode-pieces.ts';
import { literalMark, shieldedBy, withoutMarks } from './literal-text.ts';
import { isJson, normaliseTokenizerJson, type AddedToken, type Json } from './tokenizer-files.ts';

export interface TokenizerFiles {
  readonly tokenizerJson: unknown;
  readonly tokenizerConfig: Record<string, unknown>;
  readonly generationConfig: Record<string, unknown> | null;
  readonly chatTemplate: string | null; // chat_template.jinja
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatTokenizer extends ChatTemplate {
  /**
   * No special tokens are added; those the template wrote are recognised. Those that a user or system message holds
   * are letters like others, in `renderPrompt` and `renderTurns`: nobody ends a turn by writing its end token.
   */
  encode(text: string): number[];
  /** Exact, without clean-up of spaces. `skipSpecialTokens` keeps <think> and </think>. Unknown ids give nothing. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** All ids that end a generation. The first is the one appended in training: the tokenizer's own. */
  readonly eosIds: readonly number[];
  readonly bosId: number | null;
  /** The tokenizer puts `bosId` before a plain text. */
  readonly addsBos: boolean;
  /** Written by templates, not by people: every added token but <think> and </think>. */
  isSpecial(id: number): boolean;
  readonly vocabSize: number; // highest id + 1; the embedding may have more rows
}

const MAX_REMEMBERED_WORDS = 50_000;
const thinkTags = ['<think>', '</think>'];

/** @throws TrainerError "model-file-invalid" */
export function createChatTokenizer(files: TokenizerFiles): ChatTokenizer {
  const { json, addedTokens } = normaliseTokenizerJson(files.tokenizerJson);
  const tokenizer = construct(json);
  const { vocab, tokens_to_ids: idOf } = tokenizer.model;
  const config = files.tokenizerConfig;
  const named = {
    bos_token: tokenText(config['bos_token']),
    eos_token: tokenText(config['eos_token']),
    pad_token: tokenText(config['pad_token']),
    unk_token: tokenText(config['unk_token']),
  };
  const specialIds = specialIdsOf(addedTokens, [...Object.values(named), ...extraSpecials(config)], idOf);
  const controlIds = new Set(
    addedTokens.filter(({ content }) => !thinkTags.includes(content)).map(({ id }) => id),
  );
  const template = createChatTemplate(templateText(files), named);
  const hello = template.renderPrompt([{ role: 'user', content: 'Hello' }]);
  const shield = shieldedBy(
    addedTokens
      .filter(({ id, content }) => controlIds.has(id) && (specialIds.has(id) || hello.includes(content)))
      .map(({ content }) => content),
  );
  readLiterally(tokenizer);
  /** Made at the first text: the table of merges takes a quarter of a second for 150,000 tokens. */
  let encoder: ((text: string) => number[]) | null = null;

  return {
    ...template,
    renderPrompt: (messages, variables) => template.renderPrompt(messages.map(shield), variables),
    renderTurns: (messages) => template.renderTurns(messages.map(shield)),
    encode: (text) => {
      encoder ??=
        createPieceEncoder(json, addedTokens, tokenizer as unknown as LibraryTokenizer) ??
        ((whole) => encodeByLibrary(tokenizer, whole));
      return encoder(text);
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const kept = ids.filter((id) => vocab[id] !== undefined && !(skipSpecialTokens && specialIds.has(id)));
      if (kept.length === 0) return '';
      return tokenizer.decode(kept, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    eosIds: readEosIds(named.eos_token, files.generationConfig, idOf),
    bosId: (named.bos_token === null ? undefined : idOf.get(named.bos_token)) ?? null,
    addsBos: named.bos_token !== null && config['add_bos_token'] === true,
    isSpecial: (id) => specialIds.has(id) || controlIds.has(id),
    vocabSize: vocab.length,
  };
}

function construct(json: Json): PreTrainedTokenizer {
  try {
    // Without tokenizer_config.json: its options for stripping and lower-casing are not part of tokenizer.json's meaning.
    return new PreTrainedTokenizer(json, {});
  } catch (error) {
    throw new TrainerError(
      'model-file-invalid',
      'tokenizer.json holds something unsupported.',
      String(error),
    );
  }
}

function encodeByLibrary(tokenizer: PreTrainedTokenizer, text: string): number[] {
  // The library remembers every word it has met; a gigabyte of text has too many of them.
  const { cache } = tokenizer.model as { readonly cache?: Map<string, unknown> };
  if (cache !== undefined && cache.size > MAX_REMEMBERED_WORDS) cache.clear();
  // HF drops characters that have no token where there is no unknown token.
  const ids = tokenizer.encode(text, null, { add_special_tokens: false }) as (number | undefined)[];
  return ids.filter((id) => id !== undefined);
}

/** Added tokens are looked for before the text is normalised: marks that keep them from being found are dropped there. */
function readLiterally(tokenizer: PreTrainedTokenizer): void {
  const own = tokenizer.normalizer as ((text: string) => string) | null;
  const normalise = (text: string): string => {
    const plain = text.includes(literalMark) ? withoutMarks(text) : text;
    return own === null ? plain : own(plain);
  };
  tokenizer.normalizer = normalise as unknown as PreTrainedTokenizer['normalizer']; // it is called, and nothing else
}

/** "bos_token" is written as a text, or as an object with "content". */
function tokenText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (isJson(value) && typeof value['content'] === 'string') return value['content'];
  return null;
}

function extraSpecials(config: Json): (string | null)[] {
  const extra = config['additional_special_tokens'] ?? config['extra_special_tokens'];
  if (Array.isArray(extra)) return extra.map(tokenText);
  return isJson(extra) ? Object.values(extra).map(tokenText) : [];
}

function specialIdsOf(
  addedTokens: readonly AddedToken[],
  texts: readonly (string | null)[],
  idOf: ReadonlyMap<string, number>,
): Set<number> {
  const ids = new Set(addedTokens.filter(({ special }) => special).map(({ id }) => id));
  for (const text of texts) {
    const id = text === null ? undefined : idOf.get(text);
    if (id !== undefined) ids.add(id);
  }
  // Some models mark these as special; a trace without them cannot be read.
  for (const { id, content } of addedTokens) if (thinkTags.includes(content)) ids.delete(id);
  return ids;
}

function readEosIds(
  eosToken: string | null,
  generationConfig: Json | null,
  idOf: ReadonlyMap<string, number>,
): number[] {
  const own = eosToken === null ? undefined : idOf.get(eosToken);
  const listed = [generationConfig?.['eos_token_id'] ?? []].flat().filter((id) => Number.isSafeInteger(id));
  const ids = [...new Set([...(own === undefined ? [] : [own]), ...(listed as number[])])];
  if (ids.length > 0) return ids;
  throw new TrainerError(
    'model-file-invalid',
    `The tokenizer has no end token: tokenizer_config.json's "eos_token" is ${JSON.stringify(eosToken)}, generation_config.json has no "eos_token_id".`,
  );
}

/** chat_template.jinja wins over tokenizer_config.json, as in transformers. Of several, the one called "default". */
function templateText({ chatTemplate, tokenizerConfig }: TokenizerFiles): string | null {
  if (chatTemplate !== null) return chatTemplate;
  const value = tokenizerConfig['chat_template'];
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const named = value.filter(isJson).find(({ name }) => name === 'default');
  return typeof named?.['template'] === 'string' ? named['template'] : null;
}

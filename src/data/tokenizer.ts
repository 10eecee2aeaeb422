/**
 * Text to token ids and back, and chat templates, exactly as Hugging Face's tokenizers do it.
 *
 * R1-style templates delete the reasoning of assistant turns, so a template only ever renders prompts here
 * (with its generation prompt); the response is appended by data/mask.ts.
 */
import { Template } from '@huggingface/jinja';
import { PreTrainedTokenizer } from '@xenova/transformers';
import { TrainerError } from '../api/trainer-error.ts';
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

export interface ChatTokenizer {
  /** No special tokens are added; those written in the text (rendered template text) are recognised. */
  encode(text: string): number[];
  /** Exact, without clean-up of spaces. `skipSpecialTokens` keeps <think> and </think>. Unknown ids give nothing. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /**
   * The chat template with its generation prompt; without a template, the contents one after another.
   * @throws TrainerError "model-file-invalid" when the template refuses the messages.
   */
  renderPrompt(messages: readonly ChatMessage[]): string;
  /** All ids that end a generation. The first is the one appended in training: the tokenizer's own. */
  readonly eosIds: readonly number[];
  readonly bosId: number | null;
  /** The generation prompt ends with "<think>\n" (or "<think>"). */
  readonly thinkPrefilled: boolean;
  readonly vocabSize: number; // highest id + 1; the embedding may have more rows
}

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
  const renderPrompt = promptRenderer(templateText(files), named);

  return {
    encode: (text) =>
      // HF drops characters that have no token where there is no unknown token.
      (tokenizer.encode(text, null, { add_special_tokens: false }) as (number | undefined)[]).filter(
        (id) => id !== undefined,
      ),
    decode(ids, { skipSpecialTokens = false } = {}) {
      const kept = ids.filter((id) => vocab[id] !== undefined && !(skipSpecialTokens && specialIds.has(id)));
      if (kept.length === 0) return '';
      return tokenizer.decode(kept, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    renderPrompt,
    eosIds: readEosIds(named.eos_token, files.generationConfig, idOf),
    bosId: (named.bos_token === null ? undefined : idOf.get(named.bos_token)) ?? null,
    thinkPrefilled: /<think>\n?$/.test(renderPrompt([{ role: 'user', content: 'Hello' }])),
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

function promptRenderer(
  text: string | null,
  named: Readonly<Record<string, string | null>>,
): (messages: readonly ChatMessage[]) => string {
  if (text === null) return (messages) => messages.map(({ content }) => content).join('');
  let template: Template;
  try {
    template = new Template(text);
  } catch (error) {
    throw new TrainerError('model-file-invalid', 'The chat template cannot be read.', String(error));
  }
  // An undefined variable is empty text in Jinja.
  const tokens = Object.fromEntries(Object.entries(named).map(([name, value]) => [name, value ?? '']));
  return (messages) => {
    try {
      return template.render({ ...tokens, messages, add_generation_prompt: true });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new TrainerError(
        'model-file-invalid',
        `The chat template does not accept the messages: ${reason}`,
      );
    }
  };
}

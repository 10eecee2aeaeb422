/** Text to token ids and back, exactly as Hugging Face's tokenizers do it; chat templates are in data/chat-template.ts. */
import { PreTrainedTokenizer } from '@xenova/transformers';
import type { ChatMessage } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { runConfigFields } from '../config/fields.ts';
import { createSectionSplitter } from './added-tokens.ts';
import { createChatTemplate, type ChatTemplate } from './chat-template.ts';
import { createMergeTable } from './bpe-model.ts';
import {
  createGeneralEncoder,
  createPieceEncoder,
  type LibraryTokenizer,
  type SectionEncoder,
} from './encode-pieces.ts';
import { createUnmark, shieldedBy } from './literal-text.ts';
import { idsAroundText } from './post-processor.ts';
import { isJson, normaliseTokenizerJson, type AddedToken, type Json } from './tokenizer-files.ts';
import { readSpecialTokens, type TokenizerFiles } from './tokenizer-folder.ts';
import { textOf } from '../support/text-of.ts';

export type { ChatMessage } from '../api/trainer-api.ts';
export type { TokenizerFiles } from './tokenizer-folder.ts';

export interface ChatTokenizer extends ChatTemplate {
  /**
   * No special tokens are added; those the template wrote are recognised. Those that a user or system message holds
   * are letters like others, in `renderPrompt` and `renderTurns`: nobody ends a turn by writing its end token.
   */
  encode(text: string): number[];
  /** Exact, without clean-up of spaces. `skipSpecialTokens` keeps <think> and </think>. Unknown ids give nothing. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** The ids that a model is asked with: those of the rendered prompt; without a template those of a plain text. */
  encodePrompt(messages: readonly ChatMessage[]): number[];
  /** A prompt that is rendered already. What people wrote in it (`isContent`) holds no control tokens: there they are letters. */
  encodeRendered(parts: readonly { readonly text: string; readonly isContent: boolean }[]): number[];
  /** The same tokenizer with another day in its template's date, as 2024-07-26. */
  onDay(day: string): ChatTokenizer;
  /** All ids that end a generation. The first is the tokenizer's own; the template's end of a turn is among them. */
  readonly eosIds: readonly number[];
  /** Jinja, as the folder has it; null: it has none. */
  readonly templateText: string | null;
  /** What the folder says and is not used, in sentences. */
  readonly notes: readonly string[];
  readonly bosId: number | null;
  /** What the tokenizer puts before a plain text, as its post-processor says: most often `bosId`, or nothing. */
  readonly textStart: readonly number[];
  /** Written by templates, not by people: every added token but <think> and </think>. */
  isSpecial(id: number): boolean;
  readonly vocabSize: number; // highest id + 1; the embedding may have more rows, or fewer
  /** Of the embedding, as config.json says; null: it is not known. Added tokens may go beyond it as long as no row uses them. */
  readonly embeddingRows: number | null;
}

const thinkTags = ['<think>', '</think>'];
/** Until a run says another: the default of the setting template_date. */
const defaultDay = runConfigFields.templateDate.default;

/** @throws TrainerError "model-file-invalid" */
export function createChatTokenizer(files: TokenizerFiles): ChatTokenizer {
  const special = readSpecialTokens(files);
  const { named } = special;
  const { json, addedTokens, vocabularyEnd, decodeTokens } = normaliseTokenizerJson(
    files.tokenizerJson,
    special,
  );
  const tokenizer = construct(json);
  const { vocab, tokens_to_ids: idOf } = tokenizer.model;
  const specialIds = specialIdsOf(addedTokens, [...Object.values(named), ...special.extra], idOf);
  const controlTokens = addedTokens.filter(({ content }) => !thinkTags.includes(content));
  const shownAs = shownTexts(addedTokens, tokenizer);
  const addedTexts = new Set(shownAs.values());
  const controlIds = new Set(controlTokens.map(({ id }) => id));
  /** Both are made at the first text: the table of merges takes a quarter of a second for 150,000 tokens. */
  let encodeText: ((text: string) => number[]) | null = null;
  const encode = (text: string): number[] =>
    (encodeText ??= createEncoder(json, addedTokens, controlTokens, tokenizer))(text);
  const bosId = (named.bos_token === null ? undefined : idOf.get(named.bos_token)) ?? null;
  const { before: textStart } = idsAroundText(files.tokenizerJson);
  const asPlainText = (text: string): number[] => withTextStart(encode(text), textStart);

  const embeddingRows = embeddingRowsOf(files.modelConfig ?? null, vocabularyEnd);
  const { ids: listedEnds, notes } = listedEndIds(files, embeddingRows);
  const eosId = named.eos_token === null ? undefined : idOf.get(named.eos_token);
  const endIdsOf = (turnEndToken: string | null): number[] =>
    allEndIds(
      [eosId, ...listedEnds, turnEndToken === null ? undefined : idOf.get(turnEndToken)],
      named.eos_token,
      special.notes,
    );

  const literal = shieldedBy(controlTokens.map(({ content }) => content));

  const onDay = (day: string): ChatTokenizer => {
    const template = createChatTemplate(templateText(files), {
      variables: special.variables,
      controlTokens: controlTokens.map(({ content }) => content),
      day,
    });
    const shield = shieldFor(template, controlTokens, specialIds);
    const renderPrompt: ChatTemplate['renderPrompt'] = (messages, variables) =>
      template.renderPrompt(messages.map(shield), variables);
    return {
      ...template,
      renderPrompt,
      renderTurns: (messages) => template.renderTurns(messages.map(shield)),
      encode,
      encodePrompt: (messages) =>
        template.hasTemplate ? encode(renderPrompt(messages)) : asPlainText(renderPrompt(messages)),
      encodeRendered: (parts) =>
        encode(
          parts
            .map(({ text, isContent }) =>
              isContent ? literal({ role: 'user', content: text }).content : text,
            )
            .join(''),
        ),
      onDay,
      decode(ids, { skipSpecialTokens = false } = {}) {
        const kept = ids.filter(
          (id) => vocab[id] !== undefined && !(skipSpecialTokens && specialIds.has(id)),
        );
        return decodeTokens(
          kept.map((id) => shownAs.get(id) ?? vocab[id]),
          (token) => addedTexts.has(token),
        );
      },
      templateText: templateText(files),
      eosIds: endIdsOf(template.turnEndToken),
      notes: [...special.notes, ...notes, ...unnamedTemplates(files)],
      bosId,
      textStart,
      isSpecial: (id) => specialIds.has(id) || controlIds.has(id),
      vocabSize: vocab.length,
      embeddingRows,
    };
  };
  return onDay(defaultDay);
}

/** Exactly once: a text that begins with the token itself does not get another. */
function withTextStart(ids: readonly number[], start: readonly number[]): number[] {
  return start.every((id, i) => ids[i] === id) ? [...ids] : [...start, ...ids];
}

function createEncoder(
  json: Json,
  addedTokens: readonly AddedToken[],
  controlTokens: readonly AddedToken[],
  tokenizer: PreTrainedTokenizer,
): (text: string) => number[] {
  const library = tokenizer as unknown as LibraryTokenizer;
  const steps = library.pre_tokenizer;
  const table = createMergeTable(json['model'] as Json);
  const encodeSection: SectionEncoder =
    createPieceEncoder(json, steps, table) ?? createGeneralEncoder(json, steps, table);
  const normalise = (text: string): string => library.normalizer?.(text) ?? text;
  const split = createSectionSplitter(addedTokens, normalise);
  // Marks have kept the tokens of people's words from being found; they stand for nothing themselves.
  const unmark = createUnmark(
    controlTokens.map(({ content }) => content),
    normalise,
  );
  return (text) => {
    const ids: number[] = [];
    for (const section of split(text)) {
      if ('id' in section) ids.push(section.id);
      else for (const id of encodeSection(unmark(section.text), section.isFirst)) ids.push(id);
    }
    return ids;
  };
}

/** Tokens that the template writes, and special ones, are letters where users and systems write them. */
function shieldFor(
  template: ChatTemplate,
  controlTokens: readonly AddedToken[],
  specialIds: ReadonlySet<number>,
): (message: ChatMessage) => ChatMessage {
  const helloPrompt = template.renderPrompt([{ role: 'user', content: 'Hello' }]);
  return shieldedBy(
    controlTokens
      .filter(({ id, content }) => specialIds.has(id) || (helloPrompt + template.turnEnd).includes(content))
      .map(({ content }) => content),
  );
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

/** What is normalised before it is looked for is shown normalised, as tokenizers does: "▁Straße" where words get a mark. */
function shownTexts(
  addedTokens: readonly AddedToken[],
  tokenizer: PreTrainedTokenizer,
): ReadonlyMap<number, string> {
  const { normalizer } = tokenizer as unknown as LibraryTokenizer;
  return new Map(
    addedTokens.map(({ id, content, normalized }) => [
      id,
      normalized ? (normalizer?.(content) ?? content) : content,
    ]),
  );
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

/**
 * generation_config.json says where generation ends; without one transformers makes it of config.json. Ids that no token of
 * the model can have end nothing there.
 */
function listedEndIds(
  { generationConfig, modelConfig }: TokenizerFiles,
  embeddingRows: number | null,
): { readonly ids: readonly number[]; readonly notes: readonly string[] } {
  const listed = [generationConfig?.['eos_token_id'] ?? modelConfig?.['eos_token_id'] ?? []].flat();
  const whole = listed.filter((id): id is number => Number.isSafeInteger(id));
  const isUsed = (id: number): boolean => id >= 0 && id < (embeddingRows ?? Infinity);
  const unused = whole.filter((id) => !isUsed(id));
  const notes =
    unused.length === 0
      ? []
      : [`The eos_token_id ${unused.join(', ')} is not used: the model has no such token.`];
  return { ids: whole.filter(isUsed), notes };
}

function allEndIds(
  candidates: readonly (number | undefined)[],
  eosToken: string | null,
  notes: readonly string[],
): number[] {
  const ids = candidates.filter((id) => id !== undefined);
  if (ids.length > 0) return [...new Set(ids)];
  throw new TrainerError(
    'model-file-invalid',
    [
      `The tokenizer has no end token: neither tokenizer_config.json nor a special_tokens_map.json that is used has an "eos_token" (${textOf(eosToken)}), and neither generation_config.json nor config.json an "eos_token_id" that a token has.`,
      ...notes,
    ].join(' '),
  );
}

/** @throws TrainerError where tokens of the vocabulary itself have no row: they are of another model. */
function embeddingRowsOf(modelConfig: Json | null, vocabularyEnd: number): number | null {
  const rows = modelConfig?.['vocab_size'];
  if (typeof rows !== 'number' || !Number.isSafeInteger(rows)) return null;
  if (vocabularyEnd <= rows) return rows;
  throw new TrainerError(
    'model-file-invalid',
    `The tokenizer has ids up to ${vocabularyEnd - 1}, but the model's vocab_size is ${rows}: they do not belong together.`,
  );
}

/** Several templates and no "default" among them: transformers 5 renders no conversation then. */
function unnamedTemplates(files: TokenizerFiles): string[] {
  const value = files.tokenizerConfig['chat_template'];
  if (!Array.isArray(value) || templateText(files) !== null) return [];
  const names = value.filter(isJson).map(({ name }) => textOf(name));
  return [
    `The chat templates ${names.join(', ')} are not used: none of several is called "default". Put the one that is meant into a chat_template.jinja.`,
  ];
}

/** chat_template.jinja wins over tokenizer_config.json, as in transformers. Of several, the one called "default". */
export function templateText({
  chatTemplate,
  tokenizerConfig,
}: Pick<TokenizerFiles, 'chatTemplate' | 'tokenizerConfig'>): string | null {
  if (chatTemplate !== null) return chatTemplate;
  const value = tokenizerConfig['chat_template'];
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const named = value.filter(isJson).find(({ name }) => name === 'default');
  return typeof named?.['template'] === 'string' ? named['template'] : null;
}

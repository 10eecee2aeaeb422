/** What a tokenizer's folder looks like in the wild, one change at a time. */
import type { Rng } from '../../../src/support/rng.ts';
import { chance, pick, type Change, type Json } from './cases.ts';
import { byteVocabulary, letterVocabulary, type TinyVocabulary } from './tiny-bpe.ts';

export interface TokenizerDraft {
  readonly isByteLevel: boolean;
  readonly json: Json & { model: Json; added_tokens: AddedToken[] };
  config: Json | null; // tokenizer_config.json
  specialMap: Json | null; // special_tokens_map.json
  template: string | null; // chat_template.jinja
  generationConfig: Json | null;
}
interface AddedToken extends Json {
  id: number;
  content: string;
}

export const template =
  "{{- bos_token }}{%- for message in messages %}{{- '<|user|>' if message.role == 'user' else '<|assistant|>' }}{{- message.content }}" +
  "{%- if message.role == 'assistant' %}{{- eos_token }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}";

const byteBase = byteVocabulary(90);
const bytes = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);
const letterHead = ['<unk>', ...bytes];
const letterBase = letterVocabulary(120, letterHead);
const plainLetterBase = letterVocabulary(120, ['<unk>']);

const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };

export function newTokenizer(rng: Rng): TokenizerDraft {
  const isByteLevel = chance(rng, 0.65);
  const falls = !isByteLevel && chance(rng, 0.6);
  const base: TinyVocabulary = isByteLevel ? byteBase : falls ? letterBase : plainLetterBase;
  let next = Object.keys(base.vocab).length;
  const add = (content: string, special: boolean): AddedToken => ({ id: next++, content, special, ...flags });
  const added = [
    add('<|start|>', true),
    add('<|end|>', true),
    add('<|pad|>', true),
    add('<|user|>', false),
    add('<|assistant|>', false),
    add('<think>', false),
    add('</think>', false),
  ];
  if (!isByteLevel) added.unshift({ id: 0, content: '<unk>', special: true, ...flags });
  const model: Json = {
    type: 'BPE',
    dropout: null,
    unk_token: isByteLevel ? null : '<unk>',
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: !isByteLevel && chance(rng, 0.7),
    byte_fallback: falls,
    ignore_merges: false,
    vocab: base.vocab,
    merges: base.merges,
  };
  const letters: readonly Json[] = [
    {
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '▁' },
          { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
        ],
      },
      pre_tokenizer: null,
    },
    {
      normalizer: null,
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
    },
  ];
  const steps: Json = isByteLevel
    ? {
        normalizer: null,
        pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      }
    : { ...pick(rng, letters), decoder: spmDecoder };
  return {
    isByteLevel,
    json: {
      version: '1.0',
      truncation: null,
      padding: null,
      ...steps,
      post_processor: null,
      added_tokens: added,
      model,
    },
    config: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: '<|start|>',
      eos_token: '<|end|>',
      pad_token: '<|pad|>',
      clean_up_tokenization_spaces: false,
      chat_template: template,
      ...(isByteLevel ? {} : { unk_token: '<unk>' }),
    },
    specialMap: null,
    template: null,
    generationConfig: null,
  };
}

const spmDecoder = {
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 1, stop: 0 },
  ],
};

type Make = (draft: TokenizerDraft, rng: Rng) => Change;
const harmless = (name: string): Change => ({ name, refusal: null });
const refusable = (name: string, refusal: RegExp): Change => ({ name, refusal });
const shown = (value: unknown): string => JSON.stringify(value) ?? 'missing';
const configOf = (draft: TokenizerDraft): Json => (draft.config ??= {});
const addedOf = (draft: TokenizerDraft, content: string): AddedToken =>
  draft.json.added_tokens.find((token) => token.content === content) as AddedToken;
const nextId = ({ json }: TokenizerDraft): number =>
  Math.max(
    ...Object.values(json.model['vocab'] as Record<string, number>),
    ...json.added_tokens.map(({ id }) => id),
  ) + 1;

const qwenPattern = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const llamaPattern = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const plainByteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };

function preTokenizer(rng: Rng): Json {
  const split = (pattern: Json, behavior: string, invert = false): Json => ({
    type: 'Split',
    pattern,
    behavior,
    invert,
  });
  const before = pick<Json>(rng, [
    split({ Regex: qwenPattern }, 'Isolated'),
    split({ Regex: llamaPattern }, 'Isolated'),
    split({ Regex: String.raw`[\p{P}\p{S}]` }, 'Isolated'),
    split(
      { Regex: String.raw`\s+` },
      pick(rng, ['Isolated', 'Removed', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']),
    ),
    split({ Regex: String.raw`\w+|[^\w\s]+` }, 'Removed', true),
    split({ Regex: String.raw`\S+` }, 'Isolated', true),
    split({ String: ' ' }, pick(rng, ['Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Removed'])),
    split({ String: '.' }, 'Isolated'),
    split({ Regex: '(?=[A-Z])' }, 'Isolated'),
    split({ Regex: String.raw`[a-z]+(?=[A-Z])|\d{1,2}` }, 'Isolated'),
    { type: 'Digits', individual_digits: chance(rng, 0.5) },
    { type: 'Punctuation', behavior: pick(rng, ['Isolated', 'Contiguous', 'MergedWithPrevious']) },
    { type: 'Whitespace' },
    { type: 'WhitespaceSplit' },
    { type: 'CharDelimiterSplit', delimiter: '-' },
    { type: 'BertPreTokenizer' },
    { type: 'UnicodeScripts' },
  ]);
  const last = pick<Json>(rng, [
    plainByteLevel,
    plainByteLevel,
    { ...plainByteLevel, use_regex: true },
    { ...plainByteLevel, add_prefix_space: true },
  ]);
  return { type: 'Sequence', pretokenizers: [before, last] };
}

const normalizers: readonly (Json | null)[] = [
  { type: 'NFC' },
  { type: 'NFD' },
  { type: 'NFKC' },
  { type: 'NFKD' },
  { type: 'Lowercase' },
  { type: 'Sequence', normalizers: [{ type: 'NFD' }, { type: 'StripAccents' }] },
  { type: 'Sequence', normalizers: [] },
  { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] },
  { type: 'Replace', pattern: { String: ' ' }, content: '_' },
  { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
  { type: 'Replace', pattern: { Regex: String.raw`\s+` }, content: ' ' },
  { type: 'Strip', strip_left: true, strip_right: true },
  { type: 'Strip', strip_left: false, strip_right: true },
  { type: 'StripAccents' },
  { type: 'Prepend', prepend: '_' },
  { type: 'Nmt' },
  {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  { type: 'ByteLevel' },
  null,
];

const templateProcessor = (single: readonly Json[], ids: Readonly<Record<string, number>>): Json => ({
  type: 'TemplateProcessing',
  single,
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: Object.fromEntries(
    Object.entries(ids).map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]),
  ),
});
const sequenceA = { Sequence: { id: 'A', type_id: 0 } };
const specialOf = (token: string): Json => ({ SpecialToken: { id: token, type_id: 0 } });

export const tokenizerChanges: readonly Make[] = [
  (draft) => {
    draft.json.model['merges'] = (draft.json.model['merges'] as [string, string][]).map((pair) =>
      pair.join(' '),
    );
    return harmless('merges as texts');
  },
  (draft, rng) => {
    draft.json['normalizer'] = pick(rng, normalizers);
    return refusable(
      `normalizer ${shown(draft.json['normalizer'])}`,
      /normali[sz]er|Nmt|BertNormalizer|ByteLevel/i,
    );
  },
  (draft, rng) => {
    draft.json['normalizer'] = pick(rng, normalizers);
    return refusable(
      `normalizer ${shown(draft.json['normalizer'])}`,
      /normali[sz]er|Nmt|BertNormalizer|ByteLevel/i,
    );
  },
  (draft, rng) => {
    if (!draft.isByteLevel) return metaspace(draft, rng);
    draft.json['pre_tokenizer'] = preTokenizer(rng);
    return refusable(
      `pre_tokenizer ${shown(draft.json['pre_tokenizer'])}`,
      /pre-?_?token|[Ss]plit|Punctuation|Whitespace|Bert|Unicode|Delimiter|pattern/i,
    );
  },
  (draft, rng) => {
    if (!draft.isByteLevel) return metaspace(draft, rng);
    draft.json['pre_tokenizer'] = preTokenizer(rng);
    return refusable(
      `pre_tokenizer ${shown(draft.json['pre_tokenizer'])}`,
      /pre-?_?token|[Ss]plit|Punctuation|Whitespace|Bert|Unicode|Delimiter|pattern/i,
    );
  },
  (draft, rng) => {
    if (!draft.isByteLevel) return metaspace(draft, rng);
    draft.json['pre_tokenizer'] = {
      type: 'ByteLevel',
      add_prefix_space: chance(rng, 0.5),
      trim_offsets: chance(rng, 0.5),
      ...(chance(rng, 0.6) ? { use_regex: chance(rng, 0.5) } : {}),
    };
    return harmless(`pre_tokenizer ${shown(draft.json['pre_tokenizer'])}`);
  },
  (draft) => {
    draft.json.model['ignore_merges'] = true;
    return harmless('ignore_merges');
  },
  (draft, rng) => {
    const { model } = draft.json;
    for (const key of [
      'dropout',
      'unk_token',
      'continuing_subword_prefix',
      'end_of_word_suffix',
      'fuse_unk',
      'byte_fallback',
      'ignore_merges',
    ])
      if (model[key] === null || model[key] === false) delete model[key];
    if (chance(rng, 0.5)) Object.assign(model, { continuing_subword_prefix: '', end_of_word_suffix: '' });
    if (chance(rng, 0.3)) delete model['type'];
    return refusable(`model ${shown(Object.keys(model))}`, /type/);
  },
  (draft, rng) => {
    const token = addedOf(draft, pick(rng, ['<|end|>', '<|user|>', '<think>', '</think>']));
    const flag = pick(rng, ['lstrip', 'rstrip', 'single_word', 'normalized', 'special'] as const);
    token[flag] = flag === 'special' ? !token['special'] : true;
    return harmless(`${token.content} is ${flag} ${shown(token[flag])}`);
  },
  (draft, rng) => {
    const content = pick(rng, [
      'extra_token',
      'plainword',
      'İ',
      'ABC',
      ' the',
      'Straße',
      'e\u0301',
      '\n\n',
      '<|special_x|>',
      '. ',
    ]);
    draft.json.added_tokens.push({
      id: nextId(draft),
      content,
      special: chance(rng, 0.3),
      single_word: chance(rng, 0.3),
      lstrip: chance(rng, 0.3),
      rstrip: chance(rng, 0.3),
      normalized: chance(rng, 0.6),
    });
    return harmless(`an added token ${shown(draft.json.added_tokens.at(-1))}`);
  },
  (draft) => {
    const id = (draft.json.model['vocab'] as Record<string, number>)['the'];
    if (id === undefined) return harmless('nothing');
    draft.json.added_tokens.push({ id, content: 'the', special: false, ...flags });
    return harmless('an added token that the vocabulary has');
  },
  (draft) => {
    draft.json.added_tokens.push({ id: nextId(draft) + 40, content: '<|far|>', special: true, ...flags });
    return harmless('an added token with a gap before its id');
  },
  (draft) => {
    const id = nextId(draft);
    configOf(draft)['added_tokens_decoder'] = {
      [String(id)]: { content: '<|special_x|>', special: false, ...flags },
    };
    return harmless('a token that only added_tokens_decoder has');
  },
  (draft, rng) => {
    const token = addedOf(draft, pick(rng, ['<|user|>', '<|end|>', '<think>']));
    const flag = pick(rng, ['lstrip', 'rstrip', 'special', 'normalized']);
    configOf(draft)['added_tokens_decoder'] = {
      [String(token.id)]: { ...token, [flag]: token[flag] !== true, id: undefined },
    };
    return refusable(
      `added_tokens_decoder says ${flag} of ${token.content} otherwise than tokenizer.json`,
      /added_tokens_decoder/,
    );
  },
  (draft) => {
    const decoder = Object.fromEntries(
      draft.json.added_tokens.map(({ id, ...token }) => [String(id), token]),
    );
    configOf(draft)['added_tokens_decoder'] = decoder;
    return harmless('added_tokens_decoder repeats tokenizer.json');
  },
  (draft) => {
    draft.template ??= (draft.config?.['chat_template'] as string | undefined) ?? template;
    draft.config = null;
    draft.specialMap = { bos_token: '<|start|>', eos_token: '<|end|>', pad_token: '<|pad|>' };
    return harmless('no tokenizer_config.json, special_tokens_map.json alone');
  },
  (draft, rng) => {
    for (const name of ['bos_token', 'eos_token', 'pad_token']) delete configOf(draft)[name];
    const asObject = chance(rng, 0.5);
    const as = (content: string): unknown => (asObject ? { content, ...flags } : content);
    draft.specialMap = { bos_token: as('<|start|>'), eos_token: as('<|end|>'), pad_token: as('<|pad|>') };
    return harmless(`special tokens in special_tokens_map.json alone, as ${asObject ? 'objects' : 'texts'}`);
  },
  (draft) => {
    draft.specialMap = { bos_token: '<|user|>', eos_token: '<|pad|>' };
    return harmless('special_tokens_map.json says otherwise than tokenizer_config.json');
  },
  (draft, rng) => {
    const as = pick(rng, [
      (content: string): unknown => ({ content, ...flags, __type: 'AddedToken' }),
      (content: string): unknown => ({ content, ...flags }),
    ]);
    Object.assign(configOf(draft), { bos_token: as('<|start|>'), eos_token: as('<|end|>') });
    return harmless('bos_token and eos_token as objects');
  },
  (draft, rng) => {
    const name = pick(rng, ['bos_token', 'pad_token', 'eos_token']);
    if (chance(rng, 0.5)) configOf(draft)[name] = null;
    else delete configOf(draft)[name];
    if (name === 'eos_token') draft.generationConfig = { eos_token_id: addedOf(draft, '<|end|>').id };
    return refusable(`no ${name}`, /eos_token|end token/);
  },
  (draft, rng) => {
    const token = pick(rng, ['<|new|>', 'zzz']);
    configOf(draft)['eos_token'] = token;
    return refusable(`eos_token ${token}, which no file gives an id`, /eos_token|end token/);
  },
  (draft, rng) => {
    const key = pick(rng, ['add_bos_token', 'add_eos_token', 'add_prefix_space']);
    const value = pick(rng, [true, false, null]);
    configOf(draft)[key] = value;
    return refusable(`${key} ${shown(value)}`, new RegExp(key));
  },
  (draft, rng) => {
    configOf(draft)['add_bos_token'] = chance(rng, 0.7);
    configOf(draft)['tokenizer_class'] = pick(rng, [
      'LlamaTokenizerFast',
      'LlamaTokenizer',
      'PreTrainedTokenizerFast',
      'TokenizersBackend',
    ]);
    return harmless(
      `add_bos_token ${shown(draft.config?.['add_bos_token'])} with ${String(draft.config?.['tokenizer_class'])}`,
    );
  },
  (draft, rng) => {
    const ids = { '<|start|>': addedOf(draft, '<|start|>').id, '<|end|>': addedOf(draft, '<|end|>').id };
    const single = pick(rng, [
      [specialOf('<|start|>'), sequenceA],
      [sequenceA],
      [specialOf('<|start|>'), sequenceA, specialOf('<|end|>')],
      [sequenceA, specialOf('<|end|>')],
    ]);
    const processor = templateProcessor(single, ids);
    draft.json['post_processor'] = chance(rng, 0.5)
      ? processor
      : {
          type: 'Sequence',
          processors: [
            { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
            processor,
          ],
        };
    return harmless(
      `post_processor ${single
        .map((piece) =>
          Object.values(piece)
            .map((value) => (value as { id: string }).id)
            .join(''),
        )
        .join(' ')}`,
    );
  },
  (draft, rng) => {
    const [start, end] = [addedOf(draft, '<|start|>').id, addedOf(draft, '<|end|>').id];
    draft.json['post_processor'] = pick<Json>(rng, [
      { type: 'BertProcessing', sep: ['<|end|>', end], cls: ['<|start|>', start] },
      {
        type: 'RobertaProcessing',
        sep: ['<|end|>', end],
        cls: ['<|start|>', start],
        trim_offsets: true,
        add_prefix_space: false,
      },
      { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
    ]);
    return refusable(
      `post_processor ${String((draft.json['post_processor'] as Json)['type'])}`,
      /post.?processor|BertProcessing|RobertaProcessing/,
    );
  },
  (draft, rng) => {
    const where = pick(rng, ['jinja', 'list', 'absent', 'jinja and config'] as const);
    const config = configOf(draft);
    const own = (config['chat_template'] as string | undefined) ?? template;
    if (where === 'jinja' || where === 'absent') delete config['chat_template'];
    if (where.startsWith('jinja'))
      draft.template = where === 'jinja' ? own : own.replace('<|user|>', '<|user|>\n');
    if (where === 'list')
      config['chat_template'] = [
        { name: 'tool_use', template: 'TOOLS' },
        { name: 'default', template: own },
      ];
    return where === 'absent'
      ? refusable('no chat template', /template/)
      : harmless(`chat template: ${where}`);
  },
  (draft) => {
    configOf(draft)['chat_template'] = [
      { name: 'tool_use', template: 'TOOLS' },
      { name: 'rag', template: 'RAG' },
    ];
    draft.template = null;
    return refusable('chat templates without a default one', /template/);
  },
  (draft, rng) => {
    Object.assign(
      configOf(draft),
      pick<Json>(rng, [
        { model_max_length: 16 },
        { clean_up_tokenization_spaces: true },
        { padding_side: 'left' },
        { truncation_side: 'left' },
        { legacy: false },
        { use_default_system_prompt: false },
        { sp_model_kwargs: {} },
        { errors: 'replace' },
        { split_special_tokens: false },
        { extra_special_tokens: {} },
        { additional_special_tokens: ['<|user|>'] },
        { extra_special_tokens: ['<|user|>'] },
        { extra_special_tokens: { image_token: '<|user|>' } },
        { backend: 'tokenizers' },
        { is_local: true },
        { model_input_names: ['input_ids'] },
      ]),
    );
    return harmless(`tokenizer_config.json ${shown(Object.entries(configOf(draft)).at(-1))}`);
  },
  (draft, rng) => {
    configOf(draft)['split_special_tokens'] = true;
    return refusable('split_special_tokens', chance(rng, 1) ? /split_special_tokens/ : /x/);
  },
  (draft, rng) => {
    if (chance(rng, 0.5))
      draft.json['truncation'] = { direction: 'Right', max_length: 12, strategy: 'LongestFirst', stride: 0 };
    else
      draft.json['padding'] = {
        strategy: { Fixed: 40 },
        direction: 'Right',
        pad_to_multiple_of: null,
        pad_id: addedOf(draft, '<|pad|>').id,
        pad_type_id: 0,
        pad_token: '<|pad|>',
      };
    return harmless(
      draft.json['truncation'] === null ? 'padding in tokenizer.json' : 'truncation in tokenizer.json',
    );
  },
  (draft, rng) => {
    configOf(draft)['tokenizer_class'] = pick(rng, [
      'Qwen2Tokenizer',
      'Qwen2TokenizerFast',
      'GPT2Tokenizer',
      'LlamaTokenizerFast',
      'TokenizersBackend',
      undefined,
      null,
      'SomethingElse',
    ]);
    return harmless(`tokenizer_class ${shown(draft.config?.['tokenizer_class'])}`);
  },
  (draft, rng) => {
    draft.json.model['type'] = pick(rng, ['Unigram', 'WordPiece', 'WordLevel']);
    return refusable(`a ${String(draft.json.model['type'])} model`, /Unigram|WordPiece|WordLevel/);
  },
  (draft, rng) => {
    if (draft.isByteLevel) {
      const vocab = draft.json.model['vocab'] as Record<string, number>;
      const lost = pick(rng, ['Ā', 'ÿ', 'Ċ']);
      draft.json.model['vocab'] = Object.fromEntries(
        Object.entries(vocab).filter(([token]) => token !== lost),
      );
      return harmless(`the vocabulary lacks the byte ${lost}`);
    }
    draft.json.model['byte_fallback'] = !(draft.json.model['byte_fallback'] === true);
    return harmless(`byte_fallback ${shown(draft.json.model['byte_fallback'])}`);
  },
  (draft) => {
    draft.json.model['unk_token'] = null;
    draft.json.model['byte_fallback'] = false;
    return harmless('no unknown token');
  },
  (draft, rng) => {
    draft.json.model['fuse_unk'] = chance(rng, 0.5);
    if (draft.isByteLevel) return harmless('fuse_unk, of no effect');
    return harmless(`fuse_unk ${shown(draft.json.model['fuse_unk'])}`);
  },
  (draft) => {
    draft.json.model['dropout'] = 0.1;
    return refusable('dropout 0.1 in the merges', /dropout/);
  },
];

function metaspace(draft: TokenizerDraft, rng: Rng): Change {
  const step: Json = {
    type: 'Metaspace',
    replacement: '▁',
    ...pick<Json>(rng, [
      { prepend_scheme: 'always' },
      { prepend_scheme: 'first' },
      { prepend_scheme: 'never' },
      { add_prefix_space: true },
      { add_prefix_space: false, prepend_scheme: 'never' },
    ]),
    ...(chance(rng, 0.5) ? { split: chance(rng, 0.5) } : {}),
  };
  draft.json['normalizer'] = null;
  draft.json['pre_tokenizer'] = step;
  return refusable(`pre_tokenizer ${shown(step)}`, /Metaspace/);
}

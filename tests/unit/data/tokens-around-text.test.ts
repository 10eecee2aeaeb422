// What stands before and after a text: right values by transformers 5.18, tokenizers 0.23 and TRL 1.13.
import { describe, expect, test } from 'vitest';
import { isRowProblem, toChatExample } from '../../../src/data/chat-example.ts';
import { tokenizeExample, type MaskOptions } from '../../../src/data/mask.ts';
import { createChatTokenizer, type ChatTokenizer, type TokenizerFiles } from '../../../src/data/tokenizer.ts';
import { defaultSettings, tokenizerFiles, type GoldenName } from './support.ts';

const withFiles = (
  name: GoldenName,
  change: (files: TokenizerFiles) => Partial<TokenizerFiles>,
): ChatTokenizer => {
  const files = tokenizerFiles(name);
  return createChatTokenizer({ ...files, ...change(files) });
};
const withTemplate = (name: GoldenName, chatTemplate: string | null): ChatTokenizer =>
  withFiles(name, ({ tokenizerConfig }) => ({
    chatTemplate,
    tokenizerConfig: { ...tokenizerConfig, chat_template: null },
  }));
/** Trained text in brackets; or why the row is refused. */
function seen(value: unknown, tokenizer: ChatTokenizer, options: Partial<MaskOptions> = {}): string {
  const example = toChatExample({ line: 1, value });
  if (isRowProblem(example)) return example.reason;
  const parts = tokenizeExample(example, tokenizer, { ...defaultSettings, ...options });
  if (isRowProblem(parts)) return parts.reason;
  const [{ tokens, isTarget }] = parts;
  const pieces: string[] = [];
  for (let t = 0, end = 0; t < tokens.length; t = end) {
    while (end < tokens.length && isTarget[end] === isTarget[t]) end++;
    const text = tokenizer.decode([...tokens.subarray(t, end)]);
    pieces.push(isTarget[t] === 1 ? `[${text}]` : text);
  }
  return pieces.join('');
}

const bos = '<｜begin▁of▁sentence｜>';
const eos = '<｜end▁of▁sentence｜>';
const startWith = (...ids: number[]) => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  special_tokens: { [bos]: { id: bos, ids, tokens: [bos] } },
});
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };

describe('the beginning of a text', () => {
  const bosId = createChatTokenizer(tokenizerFiles('tied-gqa')).bosId ?? -1;
  const processed = (post_processor: unknown, config: object = {}): ChatTokenizer =>
    withFiles('tied-gqa', ({ tokenizerJson, tokenizerConfig }) => ({
      tokenizerJson: { ...(tokenizerJson as object), post_processor },
      tokenizerConfig: { ...tokenizerConfig, ...config },
    }));

  // transformers 5.18 does not read add_bos_token where there is a tokenizer.json.
  test.each([
    ['a template', startWith(bosId), {}, true],
    [
      'a template after another step',
      { type: 'Sequence', processors: [byteLevel, startWith(bosId)] },
      {},
      true,
    ],
    ['a template, and add_bos_token false', startWith(bosId), { add_bos_token: false }, true],
    ['a pair of Roberta’s', { type: 'RobertaProcessing', cls: [bos, bosId], sep: [eos, 0] }, {}, true],
    ['nothing', null, {}, false],
    ['nothing, and add_bos_token true', null, { add_bos_token: true }, false],
    ['ByteLevel alone', byteLevel, {}, false],
  ])('is what the post-processor says: %s', (_, post_processor, config, hasBos) => {
    const tokenizer = processed(post_processor, config);
    expect(seen({ text: 'So it is.' }, tokenizer)).toBe(
      hasBos ? `${bos}[So it is.${eos}]` : `So[ it is.${eos}]`,
    );
  });

  test('it is there once: in a text that brings it, and in prompts of a template that writes it', () => {
    const tokenizer = processed(startWith(bosId));
    expect(seen({ text: `${bos}So it is.` }, tokenizer)).toBe(`${bos}[So it is.${eos}]`);
    const ids = tokenizer.encodePrompt([{ role: 'user', content: 'Hi' }]);
    expect(ids.filter((id) => id === bosId)).toEqual([bosId]);
    expect(ids[0]).toBe(bosId);
  });

  test('without a template, pairs and generation have it too', () => {
    const tokenizer = withFiles('tied-gqa', ({ tokenizerJson, tokenizerConfig }) => ({
      tokenizerJson: { ...(tokenizerJson as object), post_processor: startWith(bosId) },
      tokenizerConfig: { ...tokenizerConfig, chat_template: null },
    }));
    expect(seen({ prompt: 'The sky is', completion: ' blue.' }, tokenizer)).toBe(
      `${bos}The sky is[ blue.${eos}]`,
    );
    expect(tokenizer.encodePrompt([{ role: 'user', content: 'The sky is' }])).toEqual([
      bosId,
      ...tokenizer.encode('The sky is'),
    ]);
  });
});

describe('a model without a chat template', () => {
  const tokenizer = withTemplate('tied-gqa', null);
  const turns = [
    { role: 'user', content: 'Hi there' },
    { role: 'assistant', content: 'Hello.' },
  ];

  test('reads pairs as one text, whose tokens may go across the seam, as TRL', () => {
    const whole = tokenizer.encode('The capital');
    const example = toChatExample({ line: 1, value: { prompt: 'The capi', completion: 'tal' } });
    if (isRowProblem(example)) throw new Error(example.reason);
    const parts = tokenizeExample(example, tokenizer, defaultSettings);
    if (isRowProblem(parts)) throw new Error(parts.reason);
    expect([...parts[0].tokens]).toEqual([...whole, tokenizer.eosIds[0]]);
  });

  test.each([
    ['messages', { messages: turns }],
    ['ShareGPT’s', { conversations: turns.map(({ role, content }) => ({ from: role, value: content })) }],
    [
      'a pair with a system message',
      { prompt: [{ role: 'system', content: 'Be brief.' }, turns[0]], completion: [turns[1]] },
    ],
    ['a pair of messages', { prompt: [turns[0]], completion: [turns[1]] }],
    ['an answer in messages', { prompt: 'Hi there', completion: [turns[1]] }],
    ['a pair of messages in a table', { prompt: JSON.stringify([turns[0]]), completion: 'Hello.' }],
  ])('refuses conversations: %s', (_, row) => {
    expect(seen(row, tokenizer)).toContain('no chat template');
  });
});

describe('the end of a turn', () => {
  const conversation = {
    messages: [
      { role: 'user', content: 'A' },
      { role: 'assistant', content: 'one' },
      { role: 'user', content: 'B' },
      { role: 'assistant', content: 'two' },
    ],
  };
  const chatml = (end: string, after = ''): string =>
    `{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '${end}' }}${after}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;
  const everyTurn = { assistantOnlyLoss: true };
  /** Another end token than the template's, as base models have. */
  const base = (template: string): ChatTokenizer =>
    withFiles('tied-bf16', ({ tokenizerConfig }) => ({
      chatTemplate: template,
      tokenizerConfig: { ...tokenizerConfig, eos_token: '<|endoftext|>' },
      generationConfig: null,
    }));

  test.each([
    ['<|im_end|>\\n', '<|im_end|>'],
    ['<|im_end|>', '<|im_end|>'],
    [' <|im_end|>\\n', ' <|im_end|>'],
    ['\\n<|im_end|>', '\n<|im_end|>'],
    ['<|endoftext|>', '<|endoftext|>'],
  ])('%s is trained in every trained turn, whatever eos_token is', (written, end) => {
    const tokenizer = base(chatml(written));
    expect(tokenizer.turnEnd).toBe(end);
    const every = seen(conversation, tokenizer, everyTurn);
    expect(every).toContain(`[one${end}]`);
    expect(every.endsWith(`[two${end}]`)).toBe(true);
    expect(seen(conversation, tokenizer).endsWith(`[two${end}]`)).toBe(true);
  });

  test('generation stops at it as well', () => {
    const tokenizer = base(chatml('<|im_end|>\\n'));
    expect(tokenizer.eosIds.map((id) => tokenizer.decode([id]))).toEqual(['<|endoftext|>', '<|im_end|>']);
  });

  test('where a template ends a turn with words, the end token follows them; where with nothing, it stands alone', () => {
    const words = base(chatml('\\n###\\n'));
    expect(seen(conversation, words).endsWith('[two\n###<|endoftext|>]')).toBe(true);
    const nothing = base(`{% for m in messages %}{{ '<|im_start|>' + m.content }}{% endfor %}`);
    expect(seen(conversation, nothing).endsWith('[two<|endoftext|>]')).toBe(true);
    expect(seen(conversation, nothing, everyTurn)).toContain('[one]');
  });

  test('only the turns that have one in the template have one', () => {
    const tokenizer = base(chatml(`' + ('' if loop.last else '<|im_end|>') + '`));
    expect(seen(conversation, tokenizer).endsWith('[two<|endoftext|>]')).toBe(true);
  });

  test('an answer that brings it has it once', () => {
    const tokenizer = base(chatml('<|im_end|>\\n'));
    for (const completion of ['Yes.', 'Yes.<|im_end|>', 'Yes.<|im_end|>\n'])
      expect(seen({ prompt: 'A', completion }, tokenizer).endsWith('[Yes.<|im_end|>]')).toBe(true);
  });
});

describe('ids that end a generation', () => {
  const idsOf = (change: Partial<TokenizerFiles>): readonly number[] =>
    withFiles('tied-gqa', () => change).eosIds;
  const [own] = idsOf({ generationConfig: null });

  test.each([
    ['generation_config.json', { generationConfig: { eos_token_id: [own, 7, 8] } }, [own, 7, 8]],
    ['config.json alone', { generationConfig: null, modelConfig: { eos_token_id: [own, 9] } }, [own, 9]],
    ['one id in config.json', { generationConfig: null, modelConfig: { eos_token_id: 5 } }, [own, 5]],
    [
      'both: the generation config counts',
      { generationConfig: { eos_token_id: 7 }, modelConfig: { eos_token_id: 9 } },
      [own, 7],
    ],
    ['null', { generationConfig: { eos_token_id: null }, modelConfig: { eos_token_id: null } }, [own]],
  ])('are those of %s', (_, change, expected) => {
    expect(idsOf(change)).toEqual(expected);
  });
});

describe('end ids that no token of the model has', () => {
  const rows = createChatTokenizer(tokenizerFiles('tied-gqa')).vocabSize;
  const listing = (ids: unknown, config: object = {}): ChatTokenizer =>
    withFiles('tied-gqa', ({ tokenizerConfig }) => ({
      tokenizerConfig: { ...tokenizerConfig, ...config },
      generationConfig: null,
      modelConfig: { vocab_size: rows, eos_token_id: ids },
    }));

  // transformers 5.24 loads and trains such a model: generation compares with ids that never come.
  test.each([[-1], [151_645], [[-1, 151_645]]])('%j of config.json end nothing and are told', (ids) => {
    const own = listing(null);
    expect(own.notes).toEqual([]);
    const tokenizer = listing(ids);
    expect(tokenizer.eosIds).toEqual(own.eosIds);
    expect(tokenizer.notes).toEqual([
      `The eos_token_id ${[ids].flat().join(', ')} is not used: the model has no such token.`,
    ]);
  });

  test('of a list the others are used', () => {
    expect(listing([rows, 3]).eosIds).toContain(3);
    expect(listing([rows, 3]).eosIds).not.toContain(rows);
  });

  test('are no end where the tokenizer has none either', () => {
    expect(() => listing(-1, { eos_token: null, chat_template: null })).toThrow('no end token');
  });
});

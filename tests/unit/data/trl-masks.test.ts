// Ids and masks equal those of TRL 1.13 (scripts/goldens/trl_masks.py) for the R1-Distill, Qwen3 and plain ChatML templates.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isRowProblem, toChatExample } from '../../../src/data/chat-example.ts';
import { tokenizeExample, type MaskOptions } from '../../../src/data/mask.ts';
import { createChatTokenizer, type ChatMessage, type ChatTokenizer } from '../../../src/data/tokenizer.ts';
import { defaultSettings, tokenizerFiles, type GoldenName } from './support.ts';

interface Masked {
  readonly ids: readonly number[];
  readonly mask: readonly number[];
}
interface Template {
  readonly fixture: GoldenName;
  readonly template: string;
  readonly training_template: string;
  readonly completion_only: readonly Masked[];
  readonly conversational?: readonly Masked[];
  readonly assistant_only: readonly Masked[];
}
const golden = JSON.parse(
  readFileSync(new URL('../../fixtures/trl-masks.json', import.meta.url), 'utf8'),
) as {
  readonly conversations: readonly (readonly ChatMessage[])[];
  readonly templates: Readonly<Record<string, Template>>;
};

function tokenizerWith(template: string, fixture: GoldenName): ChatTokenizer {
  return createChatTokenizer({ ...tokenizerFiles(fixture), chatTemplate: template });
}

function maskOf(
  messages: readonly ChatMessage[],
  tokenizer: ChatTokenizer,
  options: Partial<MaskOptions>,
): Masked {
  const example = toChatExample({ line: 1, value: { messages } });
  if (isRowProblem(example)) throw new Error(example.reason);
  const examples = tokenizeExample(example, tokenizer, { ...defaultSettings, ...options });
  if (isRowProblem(examples)) throw new Error(examples.reason);
  return { ids: [...examples[0].tokens], mask: [...examples[0].isTarget] };
}

const { conversations, templates } = golden;
const assistantOnly = { assistantOnlyLoss: true };

describe.each(Object.entries(templates))('%s', (name, made) => {
  const tokenizer = tokenizerWith(made.template, made.fixture);
  const lastTurns = conversations.map((messages) => maskOf(messages, tokenizer, {}));

  test('completion-only ids and masks are TRL’s', () => {
    expect(lastTurns).toEqual(made.completion_only);
  });

  test('TRL’s conversational form only adds the template’s line break after the end token', () => {
    for (const [i, { ids, mask }] of (made.conversational ?? []).entries()) {
      expect(ids.slice(0, lastTurns[i].ids.length)).toEqual(lastTurns[i].ids);
      expect(mask.slice(0, lastTurns[i].ids.length)).toEqual(lastTurns[i].mask);
      expect(tokenizer.decode(ids.slice(lastTurns[i].ids.length))).toBe('\n');
    }
    expect(made.conversational !== undefined).toBe(name !== 'r1-distill');
  });

  test('assistant-only ids and masks are TRL’s where the template marks what is trained', () => {
    const marked = tokenizerWith(made.training_template, made.fixture);
    expect(conversations.map((messages) => maskOf(messages, marked, assistantOnly))).toEqual(
      made.assistant_only,
    );
  });

  test('where it marks nothing, every response and its end token is trained, with its reasoning', () => {
    for (const messages of conversations) {
      const { ids, mask } = maskOf(messages, tokenizer, assistantOnly);
      const trained = tokenizer.decode(ids.filter((_, t) => mask[t] === 1));
      const end = tokenizer.decode([tokenizer.eosIds[0]]);
      const responses = messages.filter(({ role }) => role === 'assistant');
      expect(trained).toBe(responses.map(({ content }) => tokenizer.fitResponse(content) + end).join(''));
      const prompt = tokenizer.decode(ids.filter((_, t) => mask[t] === 0));
      for (const { role, content } of messages) if (role !== 'assistant') expect(prompt).toContain(content);
    }
  });

  test('… and the ids are TRL’s up to its last line break, wherever it renders the reasoning the same way', () => {
    for (const [i, messages] of conversations.entries()) {
      // TRL's R1 template leaves out the <think> that generation begins with, where a response has none.
      const isThoughtful = messages.every(
        ({ role, content }) => role !== 'assistant' || content.includes('<think>'),
      );
      if (name === 'r1-distill' && !isThoughtful) continue;
      const { ids } = maskOf(messages, tokenizer, assistantOnly);
      const expected = made.assistant_only[i].ids;
      expect(ids).toEqual(expected.slice(0, ids.length));
      expect(tokenizer.decode(expected.slice(ids.length)).trim()).toBe('');
    }
  });

  test('a conversation of one turn is the same in both modes', () => {
    for (const [i, messages] of conversations.entries()) {
      if (messages.filter(({ role }) => role === 'assistant').length > 1) continue;
      expect(maskOf(messages, tokenizer, assistantOnly)).toEqual(lastTurns[i]);
    }
  });
});

test('the control: the two modes differ on conversations of several turns', () => {
  const made = templates['qwen3'];
  const tokenizer = tokenizerWith(made.template, made.fixture);
  expect(maskOf(conversations[3], tokenizer, assistantOnly).mask).not.toEqual(
    maskOf(conversations[3], tokenizer, {}).mask,
  );
});

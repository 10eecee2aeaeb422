// Thoughts as transformers 5.18 renders them with TRL's copies of the templates (tests/fixtures/trl-masks.json).
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createChatTokenizer } from '../../../src/data/tokenizer.ts';
import { tokenizerFiles } from './support.ts';

const { templates } = JSON.parse(
  readFileSync(new URL('../../fixtures/trl-masks.json', import.meta.url), 'utf8'),
) as {
  readonly templates: Readonly<Record<'r1-distill' | 'qwen3' | 'chatml', { readonly template: string }>>;
};
const r1 = createChatTokenizer({
  ...tokenizerFiles('tied-gqa'),
  chatTemplate: templates['r1-distill'].template,
});
const qwen3 = createChatTokenizer({ ...tokenizerFiles('tied-bf16'), chatTemplate: templates.qwen3.template });
const chatml = createChatTokenizer({
  ...tokenizerFiles('tied-bf16'),
  chatTemplate: templates.chatml.template,
});

test.each([
  ['<think>Easy.</think>Oak.', '<think>\nEasy.\n</think>\n\nOak.'],
  ['<think>\n\nEasy.\n\n</think>\nOak.', '<think>\nEasy.\n</think>\n\nOak.'],
  ['<think></think>Oak.', '<think>\n\n</think>\n\nOak.'],
  ['<think>\n\n</think>\n\nOak.', '<think>\n\n</think>\n\nOak.'],
  ['Easy.\n</think>\n\nOak.', '<think>\nEasy.\n</think>\n\nOak.'],
  ['Oak.', '<think>\n\n</think>\n\nOak.'],
  ['  Oak.\n', '<think>\n\n</think>\n\n  Oak.\n'],
])('Qwen3 gets the form its template writes: %j', (response, expected) => {
  expect(qwen3.fitResponse(response)).toBe(expected);
});

test('a <think> inside an answer is text, and nothing of the answer is lost', () => {
  const response = 'Write <think> first, then </think>.';
  // The template alone would make " first, then " a thought and drop "Write".
  expect(qwen3.fitResponse(response)).toBe(`<think>\n\n</think>\n\n${response}`);
  expect(chatml.fitResponse(response)).toBe(response);
  expect(r1.fitResponse(response)).toBe(response);
  expect(qwen3.fitResponse('<think>\nA <think> B\n</think>\n\nC')).toContain('A <think> B');
});

test.each([
  ['<think>\n\n</think>\n\nHello.', '\n</think>\n\nHello.'],
  ['<think>\nOk.\n</think>\n\nHello.', 'Ok.\n</think>\n\nHello.'],
  ['<think>\n\n\nOk.</think>Hello.', '\n\nOk.</think>Hello.'],
  ['<think>Ok.</think>Hello.', 'Ok.</think>Hello.'],
  ['Ok.</think>Hello.', 'Ok.</think>Hello.'],
  ['Hello.', 'Hello.'],
])('from a response for R1 only what the prompt holds is cut: %j', (response, expected) => {
  expect(r1.fitResponse(response)).toBe(expected);
});

describe('a thought that is never closed is counted', () => {
  test.each([
    ['R1, in a thought that the prompt opens', r1, 'Okay, so', true],
    ['R1, opened again', r1, '<think>\nOkay, so', true],
    ['R1, closed', r1, 'So.</think>Yes.', false],
    ['Qwen3', qwen3, '<think>\nOkay, so', true],
    ['Qwen3, tight', qwen3, ' <think>Okay', true],
    ['Qwen3, closed', qwen3, '<think>Okay</think>Yes', false],
    ['Qwen3, no thought', qwen3, 'Yes', false],
    ['a template without thoughts', chatml, '<think>\nOkay, so', true],
    ['a <think> that opens nothing', chatml, 'The <think> tag', false],
  ])('%s', (_, tokenizer, response, isOpen) => {
    expect(tokenizer.leavesThoughtOpen(response)).toBe(isOpen);
  });
});

test('an open thought is trained as it is, without an empty one before it', () => {
  expect(qwen3.fitResponse('<think>\nOkay, so')).toBe('<think>\nOkay, so');
});

// The encoder of a tokenizer is made once, whichever of the two it is: its table of merges takes a quarter of a second.
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test, vi } from 'vitest';
import { createPieceEncoder } from '../../../src/data/encode-pieces.ts';
import type { Json } from '../../../src/data/tokenizer-files.ts';
import { createChatTokenizer } from '../../../src/data/tokenizer.ts';

vi.mock('../../../src/data/encode-pieces.ts', { spy: true }); // the real one, and its calls are counted
beforeEach(() => vi.clearAllMocks());

const read = (name: string): Json =>
  JSON.parse(readFileSync(new URL(`../../../public/models/demo/${name}`, import.meta.url), 'utf8')) as Json;
const demo = read('tokenizer.json');

test.each([
  ['by pieces', demo, 'function'],
  ['by the library', { ...demo, pre_tokenizer: null }, 'object'],
])('%s: once for many texts, and not before the first', (_, tokenizerJson, type) => {
  const tokenizer = createChatTokenizer({
    tokenizerJson,
    tokenizerConfig: read('tokenizer_config.json'),
    generationConfig: null,
    chatTemplate: null,
  });
  expect(createPieceEncoder).not.toHaveBeenCalled();
  for (const text of ['one', 'two', 'three']) expect(tokenizer.encode(text).length).toBeGreaterThan(0);
  expect(createPieceEncoder).toHaveBeenCalledTimes(1);
  expect(typeof vi.mocked(createPieceEncoder).mock.results[0].value).toBe(type); // null is an "object"
});

import { describe, expect, test } from 'vitest';
import { parseJson } from '../../../src/support/parse-json.ts';
import { reasonOf, textOf } from '../../../src/support/text-of.ts';
import { toWire, TrainerError } from '../../../src/support/trainer-error.ts';

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
const cycle: Record<string, unknown> = { name: 'a' };
cycle['self'] = cycle;
const throws = {
  get field(): string {
    throw new Error('no');
  },
};
const unprintable = {
  toString: () => {
    throw new Error('no');
  },
};

describe('a value in a message', () => {
  test.each([
    [{ a: [1, 'x', null, true] }, '{"a":[1,"x",null,true]}'],
    [undefined, 'undefined'],
    [Number.NaN, 'NaN'],
    [-0.5, '-0.5'],
    [12n, '12'],
    ['a "b"', '"a \\"b\\""'],
    [new Uint8Array(3), '3 bytes'],
    [parseJson('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
    [() => 1, 'a function'],
  ])('%o is shown as it would stand in a file', (value, shown) => expect(textOf(value)).toBe(shown));

  test.each([
    ['100,000 lists in each other', nested(100_000)],
    ['a cycle', cycle],
    ['a field that throws', throws],
    ['a million entries', Array.from({ length: 1_000_000 }, (_, i) => i)],
    ['a text of 10 MB', 'x'.repeat(10_000_000)],
    ['a number of a million bits', 2n ** 1_000_000n],
    [
      'a proxy',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
    ],
  ])('%s is shown short, and at once', (_, value) => {
    const start = performance.now();
    const shown = textOf(value);
    expect(shown.length).toBeLessThanOrEqual(120);
    expect(shown.length).toBeGreaterThan(3);
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('what a terminal would obey, and halves of letters, become escapes', () => {
    expect(textOf('\u001b]0;PWN\u0007\u009b2J\u202e')).toBe(String.raw`"\u001b]0;PWN\u0007\u009b2J\u202e"`);
    expect(textOf({ '\u001b[2J': '\ud800' })).toBe(String.raw`{"\u001b[2J":"\ud800"}`);
    expect(textOf('🙂'.repeat(100), 10)).toBe('"🙂🙂🙂🙂…');
    expect(reasonOf(new SyntaxError('Unexpected token \u001b[2J'))).toBe(
      String.raw`Unexpected token \u001b[2J`,
    );
    expect(reasonOf(unprintable)).toBe('a value that cannot be shown');
  });

  test('an error is clean and bounded whoever makes it, line ends kept', () => {
    const error = new TrainerError('dataset-empty', `a\u001b[31m\nb${'x'.repeat(9_000)}`, '\u0007');
    expect(error.message.startsWith('a\\u001b[31m\nbxxx')).toBe(true);
    expect(error.message.length).toBe(4_000);
    expect(error.detail).toBe('\\u0007');
    expect(toWire(unprintable)).toEqual({
      code: 'internal',
      message: 'a value that cannot be shown',
      detail: null,
    });
  });
});

test('JSON is read to a depth of 256 and no deeper', () => {
  const text = (depth: number): string => '{"a":'.repeat(depth - 1) + '[]' + '}'.repeat(depth - 1);
  expect(parseJson(text(256))).toBeTypeOf('object');
  for (const depth of [257, 5_000, 100_000])
    expect(() => parseJson(text(depth))).toThrow('nested more than 256 levels deep');
});

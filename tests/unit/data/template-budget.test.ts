// Templates that never end or fill the memory: refused within a second or two, by what they did.
import { describe, expect, test } from 'vitest';
import { createChatTemplate } from '../../../src/data/chat-template.ts';
import { compileTemplate } from '../../../src/data/python-jinja.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';

const render = (text: string): string =>
  compileTemplate(text).render({ messages: [{ role: 'user', content: 'Hello' }] });
const doubling = (step: string, end: string): string =>
  `{% set ns = namespace(s='aa', l=[1], m=[1]) %}{% for i in range(60) %}${step}{% endfor %}{{ ${end} }}`;
const loop = (count: string, body: string): string => `{% for i in range(${count}) %}${body}{% endfor %}`;

test.each([
  ['three loops in each other', loop('10000', loop('10000', loop('10000', ''))), /more than 55,002 steps/],
  ['a range of a billion', loop('1000000000', ''), /range\(\) of 1000000000/],
  ['a range of a billion, as a power', loop('10**9', ''), /range\(\) of 1000000000/],
  [
    'a text replaced by itself',
    doubling("{% set ns.s = ns.s.replace('a', ns.s) %}", 'ns.s|length'),
    /more than 1,048,616 characters/,
  ],
  ['a text doubled', doubling('{% set ns.s = ns.s ~ ns.s %}', 'ns.s|length'), /characters/],
  ['five texts of a million characters', loop('5', "{{ 'a' * 1000000 }}"), /characters/],
  ['a text multiplied', "{{ 'a' * 1000000000 }}", /characters/],
  ['a list doubled', doubling('{% set ns.l = ns.l + ns.l %}', 'ns.l|length'), /list of more than|steps/],
  ['a small list of lists printed', doubling('{% set ns.l = [ns.l, ns.l] %}', 'ns.l'), /steps/],
  ['the same as JSON', doubling('{% set ns.l = [ns.l, ns.l] %}', 'ns.l|tojson'), /steps/],
  [
    'two of them compared',
    doubling('{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}', 'ns.l == ns.m'),
    /steps/,
  ],
  ['letters joined by a long text', "{{ ('a' * 3000)|join('b' * 8000000) }}", /characters/],
  ['the same as a method', "{{ ('b' * 8000000).join(('a' * 3000)|list) }}", /characters/],
  ['an endless indent', "{{ 'a\\nb'|indent(500000000) }}", /indents by 500000000/],
  ['the indent of JSON', '{{ [1]|tojson(indent=500000000) }}', /indents by 500000000/],
  [
    'a macro that calls itself twice',
    '{% macro f(x) %}{% if x > 0 %}{{ f(x-1) }}{{ f(x-1) }}{% endif %}{% endmacro %}{{ f(60) }}',
    /steps/,
  ],
  [
    'a namespace within itself',
    '{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}',
    /call stack|NamespaceValue/,
  ],
  ['50,000 brackets', `{{ ${'('.repeat(50_000)}1${')'.repeat(50_000)} }}`, /call stack/],
  ['a template of 2 MB', 'a'.repeat(2_000_000), /up to 1048576/],
])('%s is refused', (_, text, reason) => {
  const start = performance.now();
  expect(() => render(text)).toThrow(reason);
  expect(performance.now() - start).toBeLessThan(60_000);
  const surroundings = { variables: {}, controlTokens: [], day: '2024-07-26' };
  expect(() => createChatTemplate(text, surroundings)).toThrow(TrainerError);
});

describe('what is evaluated once costs once', () => {
  test('60 brackets of arithmetic are no 2⁶⁰ steps', () => {
    expect(render(`{{ ${'1-('.repeat(60)}1${')'.repeat(60)} }}`)).toBe('1');
  });
  test('a chain of filters and members', () => {
    expect(render(`{{ messages[0].content${'|string'.repeat(60)} }}`)).toBe('Hello');
    expect(render(`{{ {'a':${"{'a':".repeat(30)}1${'}'.repeat(30)}}${'.a'.repeat(31)} }}`)).toBe('1');
  });
});

test('a conversation of 2,000 turns whose template joins and splits texts is within the budget', () => {
  const template = compileTemplate(
    "{% set ns = namespace(all='') %}{% for m in messages %}{% set ns.all = ns.all ~ m.role|upper ~ ': ' ~ m.content.split('</think>')[-1]|trim ~ '\\n' %}{% endfor %}{{ ns.all }}",
  );
  const messages = Array.from({ length: 2_000 }, (_, i) => ({
    role: i % 2 ? 'assistant' : 'user',
    content: 'word '.repeat(200),
  }));
  expect(template.render({ messages }).length).toBeGreaterThan(2_000 * 999);
});

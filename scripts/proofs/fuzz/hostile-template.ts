/** Chat templates put together at random: what loops, grows, recurses and compares, around what real ones do. */
import type { Rng } from '../../../src/support/rng.ts';

const real =
  "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const counts = ['3', '100', '9999', '100000', '10**9', '-1', '0.5', 'messages', 'ns.n', "'a'"];
const expressions = [
  ...[
    'messages',
    'messages[0].content',
    "messages[0]['content']",
    'ns.s',
    'ns.l',
    'ns',
    'loop',
    'loop.index',
    'x',
    'undefined_name',
  ],
  ...[
    'ns.s ~ ns.s',
    'ns.l + ns.l',
    '[ns.l, ns.l]',
    "'a' * 1000000",
    'ns.s * 50',
    "ns.s.replace('a', ns.s)",
    "ns.s.split('a')",
    'ns.l|tojson',
    'ns.l|join(ns.s)',
  ],
  ...[
    'ns.s|indent(99999)',
    'ns|tojson(indent=8)',
    'ns.l|length',
    'ns.l|sort',
    'ns.l|unique|list',
    'ns.l|map("upper")|list',
    'messages|selectattr("role", "equalto", "user")|list',
  ],
  ...[
    'f(x)',
    'f(f(1))',
    'range(10)|list',
    "ns.s.split('')",
    'ns.l[::-1]',
    'ns.s[::2]',
    'ns.l == ns.l',
    '1/0',
    '1 // 0',
    '2 ** 9999',
    '{"a": ns.l}',
    'ns.l[-1]',
  ],
  ...[
    "strftime_now('%Y')",
    "raise_exception('no')",
    'namespace(a=ns)',
    "cycler('a')",
    'messages.constructor',
    'messages.__proto__',
    "ns['__proto__']",
    'x if x else y',
    'ns.s.strip(ns.s)',
    "'%s' % 1",
    'messages|items',
  ],
];

export function hostileTemplate(rng: Rng): string {
  const pick = <T>(items: readonly T[]): T => items[rng.below(items.length)];
  const block = (depth: number): string => {
    if (depth === 0)
      return pick(['', 'text', `{{ ${pick(expressions)} }}`, `{% set ns.s = ${pick(expressions)} %}`]);
    const inside = (): string => Array.from({ length: 1 + rng.below(3) }, () => block(depth - 1)).join('');
    switch (rng.below(9)) {
      case 0:
      case 1:
        return `{% for x in range(${pick(counts)}) %}${inside()}{% endfor %}`;
      case 2:
        return `{% for x in ${pick(expressions)} %}${inside()}{% else %}${inside()}{% endfor %}`;
      case 3:
        return `{% if ${pick(expressions)} %}${inside()}{% else %}${inside()}{% endif %}`;
      case 4:
        return `{% macro f(x) %}${inside()}{% endmacro %}{{ f(${pick(expressions)}) }}`;
      case 5:
        return `{% set ns.${pick(['s', 'l', 'n'])} = ${pick(expressions)} %}${inside()}`;
      case 6:
        return `{{ ${'('.repeat(pick([1, 50, 5_000]))}${pick(expressions)}${')'.repeat(pick([1, 50, 5_000]))} }}`;
      case 7:
        return `{{ ${pick(expressions)}${pick(['|upper', '|tojson', '|string', '.a', '[0]', '|join', '()']).repeat(pick([1, 3, 60]))} }}`;
      default:
        return inside();
    }
  };
  const start = "{% set ns = namespace(s='aab', l=[1, 'a'], n=5) %}";
  const text = start + block(1 + rng.below(4));
  return pick([text, text + real, real + text, real.replace("{{ m['content'] }}", () => text)]);
}

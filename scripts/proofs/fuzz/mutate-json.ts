/** Changes to a JSON value that keep it JSON: other types, other sizes, names that JavaScript treats specially. */
import type { Rng } from '../../../src/support/rng.ts';

type Path = readonly (string | number)[];

const names = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  '',
  'a',
  '\u001b[2J',
  '\ud800',
  '0',
];
const nested = (depth: number, kind: '[' | '{'): string =>
  kind === '[' ? '['.repeat(depth) + ']'.repeat(depth) : '{"a":'.repeat(depth) + '0' + '}'.repeat(depth);
/** As JSON text, since some of them no value of JavaScript writes. */
const values: readonly string[] = [
  ...['null', 'true', 'false', '0', '-1', '1', '-0', '0.5', '2147483648', '4294967296', '9007199254740992'],
  ...[
    '1e308',
    '1e999',
    '-1e999',
    '""',
    '"a"',
    '"0"',
    '[]',
    '{}',
    '[null]',
    '[[]]',
    '{"":0}',
    '"\\u0000"',
    '"\\ud800"',
  ],
  ...[
    '"(a+)+b"',
    '"(?:a|a)*b"',
    '"[\\\\s\\\\S]{0,65535}{0,65535}"',
    '"\\u001b[2J\\u0007"',
    '{"__proto__":{"a":1}}',
  ],
  ...['{"toString":1}', '{"String":"a"}', '{"Regex":"(a*)*$"}', '{"Regex":""}', '{"type":"Sequence"}'],
];

/** The text of a changed copy. */
export function mutateJson(value: unknown, rng: Rng, other: unknown): string {
  let text = JSON.stringify(value) ?? 'null';
  for (let i = rng.next() < 0.7 ? 1 : 2 + rng.below(2); i > 0; i--) {
    try {
      text = changed(JSON.parse(text), rng, other);
    } catch {
      return text; // it is no JSON any more, or too deep for JSON.stringify
    }
  }
  return text;
}

const MARK = '\uE000HERE\uE001';

function changed(value: unknown, rng: Rng, other: unknown): string {
  const paths = pathsOf(value);
  const path = paths[rng.below(paths.length)];
  const here = at(value, path);
  const put = (text: string): string =>
    (JSON.stringify(replaced(value, path, MARK)) ?? 'null').replace(JSON.stringify(MARK), () => text);
  switch (rng.below(12)) {
    case 0:
      return put(nested([10, 300, 5_000, 100_000][rng.below(4)], rng.next() < 0.5 ? '[' : '{'));
    case 1:
      return put(`"${'ab'.repeat([1_000, 100_000, 500_000][rng.below(3)])}"`);
    case 2: {
      const one = JSON.stringify(here) ?? 'null';
      const count = Math.min([100, 5_000][rng.below(2)], Math.ceil(200_000 / one.length));
      return put(`[${Array.from({ length: count }, () => one).join(',')}]`);
    }
    case 3: {
      const count = [100, 50_000][rng.below(2)];
      return put(`{${Array.from({ length: count }, (_, i) => `"k${i}":${i}`).join(',')}}`);
    }
    case 4:
    case 5: {
      // A field more, or one taken away.
      if (typeof here !== 'object' || here === null) return put(values[rng.below(values.length)]);
      const keys = Object.keys(here);
      if (rng.next() < 0.5 && keys.length > 0) {
        const key = keys[rng.below(keys.length)];
        const rest = Array.isArray(here)
          ? here.filter((_, i) => String(i) !== key)
          : Object.fromEntries(Object.entries(here).filter(([name]) => name !== key));
        return put(JSON.stringify(rest));
      }
      const name = JSON.stringify(names[rng.below(names.length)]);
      const text = JSON.stringify(here);
      const added = values[rng.below(values.length)];
      return put(
        Array.isArray(here)
          ? `[${[text.slice(1, -1), added].filter((x) => x !== '').join(',')}]`
          : `{${[text.slice(1, -1), `${name}:${added}`].filter((x) => x !== '').join(',')}}`,
      );
    }
    case 6: {
      const places = pathsOf(other);
      return put(JSON.stringify(at(other, places[rng.below(places.length)])) ?? 'null');
    }
    case 7: {
      // A field twice.
      if (typeof here !== 'object' || here === null || Array.isArray(here))
        return put(values[rng.below(values.length)]);
      const text = JSON.stringify(here);
      return put(text === '{}' ? '{"a":1,"a":2}' : `{${text.slice(1, -1)},${text.slice(1, -1)}}`);
    }
    default:
      return put(values[rng.below(values.length)]);
  }
}

/** Up to 2,000 places; those near the root come often. */
function pathsOf(value: unknown): Path[] {
  const paths: Path[] = [[]];
  for (let i = 0; i < paths.length && paths.length < 2_000; i++) {
    const here = at(value, paths[i]);
    if (typeof here !== 'object' || here === null) continue;
    for (const key of Object.keys(here).slice(0, 200))
      paths.push([...paths[i], Array.isArray(here) ? Number(key) : key]);
  }
  return paths;
}

function at(value: unknown, path: Path): unknown {
  let here = value;
  for (const key of path) here = (here as Record<string | number, unknown>)[key];
  return here;
}

function replaced(value: unknown, path: Path, mark: string): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return mark;
  if (Array.isArray(value))
    return value.map((item: unknown, i) => (i === key ? replaced(item, rest, mark) : item));
  return Object.fromEntries(
    Object.entries(value as object).map(([name, item]) => [
      name,
      name === key ? replaced(item, rest, mark) : item,
    ]),
  );
}

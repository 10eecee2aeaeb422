/**
 * Suites as this project writes them: {"name", "kind", "rows": [{"prompt", "expected", "label", "category"}]}, one or a list of
 * them under "suites"; and the file of the demo's (public/datasets/demo-suites.json). docs/evaluation.md describes it.
 */
import { TrainerError } from '../../support/trainer-error.ts';
import type { Row } from '../../data/row-fields.ts';
import { Columns, isRefusal } from './columns.ts';
import { answersOf, promptOf } from './shapes.ts';
import {
  rowLabels,
  suiteKinds,
  type Expected,
  type RowLabel,
  type Suite,
  type SuiteKind,
  type SuiteRow,
} from './suite.ts';
import { textOf } from '../../support/text-of.ts';

/** null: the value is no suite of our own. @throws TrainerError "dataset-unreadable" naming suite and row */
export function ownSuites(value: unknown, fileName: string): readonly Suite[] | null {
  if (!isObject(value)) return null;
  const list: unknown = value['suites'];
  if (Array.isArray(list)) return list.map((one, i) => readOne(one, `${fileName}, suite ${i + 1}`));
  return 'kind' in value && Array.isArray(value['rows']) ? [readOne(value, fileName)] : null;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const wrong = (where: string, what: string): TrainerError =>
  new TrainerError('dataset-unreadable', `${where} ${what}. docs/evaluation.md has the format.`);

function readOne(value: unknown, where: string): Suite {
  if (!isObject(value)) throw wrong(where, 'is no object');
  const kind = suiteKinds.find((one) => one === value['kind']);
  if (kind === undefined) throw wrong(where, `has no "kind" of ${suiteKinds.join(', ')}`);
  const rows: unknown = value['rows'] ?? value['prompts'];
  if (!Array.isArray(rows) || rows.length === 0) throw wrong(where, 'has no "rows"');
  const name = [value['name'], value['id'], value['title']].find((one) => typeof one === 'string');
  if (name === undefined) throw wrong(where, 'has no "name"');
  const title = typeof value['title'] === 'string' ? value['title'] : name;
  return {
    name: title,
    kind,
    rows: rows.map((row, i) => readRow(row, kind, String(i + 1), `${where}, row ${i + 1}`)),
    sampled: null,
  };
}

function readRow(value: unknown, kind: SuiteKind, id: string, where: string): SuiteRow {
  if (!isObject(value)) throw wrong(where, 'is no object');
  const columns = new Columns(value);
  const prompt = promptOf(columns, 'prompt');
  if (typeof prompt === 'object' && isRefusal(prompt)) throw wrong(where, prompt.reason);
  const label = labelIn(value['label'], kind, where);
  return {
    id: typeof value['id'] === 'string' ? value['id'] : id,
    prompt,
    expected: expectedIn(value, kind, where),
    label,
    category: columns.optional('category', 'group'),
  };
}

function labelIn(value: unknown, kind: SuiteKind, where: string): RowLabel | null {
  const own = rowLabels.find((one) => one === value) ?? null;
  if (value !== undefined && value !== null && own === null)
    throw wrong(where, `has the label ${textOf(value)}; it is "harmful" or "benign"`);
  const byKind = kind === 'harmful' || kind === 'benign' ? kind : null;
  if (own !== null && byKind !== null && own !== byKind)
    throw wrong(where, `is labelled ${own} in a suite of the kind ${kind}`);
  if (own === null && kind === 'mixed') throw wrong(where, 'has no "label", and its suite is mixed');
  return own ?? byKind;
}

function expectedIn(row: Row, kind: SuiteKind, where: string): Expected | null {
  const { expected, choices, reference } = row;
  if (typeof reference === 'string') return { kind: 'reference', text: reference };
  const anyOf = answersOf(expected);
  if (Array.isArray(choices)) {
    const [letter] = anyOf;
    if (!/^[A-Z]$/.test(letter ?? '')) throw wrong(where, 'has choices and no letter in "expected"');
    return { kind: 'choice', letter, choices: choices.map(String) };
  }
  if (anyOf.length > 0) return { kind: 'exact', anyOf };
  if (kind === 'accuracy') throw wrong(where, 'has no "expected"');
  return null;
}

/** As text that `ownSuites` reads to the same suite. */
export function writeSuite({ name, kind, rows, sampled }: Suite): string {
  const written = rows.map(({ id, prompt, expected, label, category }) => ({
    id,
    prompt,
    ...(expected?.kind === 'exact' && { expected: expected.anyOf }),
    ...(expected?.kind === 'choice' && { expected: expected.letter, choices: expected.choices }),
    ...(expected?.kind === 'reference' && { reference: expected.text }),
    ...(label !== null && { label }),
    ...(category !== null && { category }),
  }));
  return `${JSON.stringify({ name, kind, ...(sampled !== null && { sampled }), rows: written }, null, 1)}\n`;
}

/** Rows of a table whose columns the user names, and rows that have the names of our own suites (prompt, expected, label, category). */
import { readHarm } from '../../alttrain/harm-words.ts';
import { readOwnLabel } from '../../alttrain/harm-label.ts';
import type { Row } from '../../data/row-fields.ts';
import { readChoices, type NumberFrom } from './choices.ts';
import { Columns, isRefusal, type Refusal } from './columns.ts';
import type { MappedColumn } from './mapping.ts';
import {
  answersOf,
  conversationColumns,
  promptColumns,
  promptOf,
  unlabelled,
  type RowDraft,
  type ShapeContext,
} from './shapes.ts';
import type { Expected, RowLabel, SuiteKind } from './suite.ts';

type ColumnsOf = ReadonlyMap<MappedColumn, string>;

export function readMappedRow(
  columns: Columns,
  names: ColumnsOf,
  { label: said, numberFrom }: Pick<ShapeContext, 'label' | 'numberFrom'>,
  kind: SuiteKind | null,
): RowDraft | Refusal {
  const choicesName = names.get('choices');
  if (choicesName !== undefined) return mappedChoices(columns, names, numberFrom);
  const prompt = promptOf(columns, names.get('prompt') ?? '');
  if (typeof prompt === 'object' && isRefusal(prompt)) return prompt;
  const expected = expectedOf(columns, names);
  if (expected !== null && isRefusal(expected)) return expected;
  const category = columns.optional(names.get('category') ?? '');
  const labelName = names.get('label');
  const label = labelName === undefined ? said : mappedLabel(columns, labelName);
  if (label !== null && typeof label === 'object') return label;
  if (expected === null && label === null && kind !== 'accuracy') return unlabelled;
  if (expected === null && kind === 'accuracy')
    return { code: 'row-empty', reason: 'has no expected answer, and the suite is one of accuracy' };
  return { prompt, expected, label, category };
}

function mappedLabel(columns: Columns, name: string): RowLabel | Refusal {
  const value = columns.value(name);
  const own = readOwnLabel({ [name]: value }).label;
  const label = own ?? readHarm(value, 'harmful');
  if (label !== null) return label;
  const shown = (JSON.stringify(value) ?? 'nothing').slice(0, 60);
  return {
    code: 'row-shape',
    reason: `has ${shown} in "${name}", which cannot be read as harmful or benign`,
  };
}

function expectedOf(columns: Columns, names: ColumnsOf): Expected | Refusal | null {
  const reference = names.get('reference');
  if (reference !== undefined) {
    const text = columns.text(reference);
    return typeof text === 'string' ? { kind: 'reference', text } : text;
  }
  const name = names.get('expected');
  if (name === undefined) return null;
  const anyOf = answersOf(columns.value(name));
  return anyOf.length > 0
    ? { kind: 'exact', anyOf }
    : { code: 'row-empty', reason: `has no expected answer in "${name}"` };
}

/** The same reader as for tables with choices, on a row with the names that it knows. */
function mappedChoices(columns: Columns, names: ColumnsOf, numberFrom: NumberFrom): RowDraft | Refusal {
  const renamed: Row = {
    question: columns.value(names.get('prompt') ?? ''),
    choices: columns.value(names.get('choices') ?? ''),
    answer: columns.value(names.get('expected') ?? ''),
  };
  const read = readChoices(new Columns(renamed), numberFrom);
  if (isRefusal(read)) return read;
  return { ...read, label: null, category: columns.optional(names.get('category') ?? '') };
}

/** A table without a known shape: prompts whose label the row says, or the user for all of them. */
export function readRequestRow(
  columns: Columns,
  row: Row,
  { label: said }: Pick<ShapeContext, 'label'>,
): RowDraft | Refusal {
  const conversation = columns.find(...conversationColumns);
  const prompt = promptOf(columns, ...(conversation === null ? promptColumns : [conversation]));
  if (typeof prompt === 'object' && isRefusal(prompt)) return prompt;
  const hasAnswer = columns.find('response', 'completion', 'answer', 'output', 'chosen') !== null;
  const own = readOwnLabel(row, hasAnswer);
  if (own.problem !== null) return { code: 'row-shape', reason: own.problem };
  for (const name of own.read) columns.fields.read(name);
  const label = own.label ?? said;
  const expected = columns.optional('expected');
  if (label === null && expected === null) return unlabelled;
  return {
    prompt,
    expected: expected === null ? null : { kind: 'exact', anyOf: [expected] },
    label,
    category: columns.optional('category', 'group', 'subject', 'type'),
  };
}

/**
 * A file, or the parts of one, to a suite: in our own format, in a published layout that its columns tell, or with columns that the
 * user maps. What is not used is listed; what could be two things is refused by name, with how to say which.
 */
import type { RowProblem, UnusedColumn } from '../../api/trainer-api.ts';
import { TrainerError } from '../../support/trainer-error.ts';
import { readSlice } from '../../data/byte-chunks.ts';
import { parsePythonJson } from '../../data/json-form.ts';
import { excerptOf, isProblem, type RawRow, type ReadRow } from '../../data/raw-row.ts';
import { bytesOf, openFiles, type DatasetFiles } from '../../data/read-files.ts';
import type { Row } from '../../data/row-fields.ts';
import { UnusedColumns } from '../../data/unused-columns.ts';
import { Columns, isRefusal, listOfTexts, type Refusal } from './columns.ts';
import type { NumberFrom } from './choices.ts';
import { readMappedRow, readRequestRow } from './mapped-row.ts';
import { noMapping, type SuiteMapping } from './mapping.ts';
import { ownSuites } from './own-format.ts';
import {
  conversationColumns,
  promptColumns,
  shapes,
  unlabelled,
  type RowDraft,
  type ShapeContext,
  type SuiteShape,
} from './shapes.ts';
import { kindOfLabels, type RowLabel, type Suite, type SuiteKind, type SuiteRow } from './suite.ts';

export interface ReadSuite {
  readonly suites: readonly Suite[]; // never empty; more than one only in our own format
  /** How the file was read: a published layout, "own format", "mapped columns" or "requests". */
  readonly shape: string;
  readonly totalRows: number;
  readonly rejected: readonly RowProblem[];
  readonly unusedColumns: readonly UnusedColumn[];
  readonly notes: readonly string[];
}

/** Rows by which a file is recognised. */
const FIRST_ROWS = 50;
/** JSON in our own format is read whole up to this size. */
const MAX_OWN_BYTES = 64 << 20;

/** @throws TrainerError "dataset-unreadable", "dataset-empty", "dataset-ambiguous", "config-invalid" */
export async function readSuite(
  data: DatasetFiles,
  mapping: SuiteMapping = noMapping,
  name = nameOf(data.name),
): Promise<ReadSuite> {
  const own = mapping.columns.size === 0 ? await readOwn(data) : null;
  if (own !== null) {
    const totalRows = own.reduce((sum, { rows }) => sum + rows.length, 0);
    return { suites: own, shape: 'own format', totalRows, rejected: [], unusedColumns: [], notes: [] };
  }
  const { batches } = await openFiles(data, { columns: [...mapping.columns.values()] });
  const all: ReadRow[] = [];
  for await (const batch of batches) all.push(...batch);
  const fileName = [...new Set([data.name, ...data.files.map((file) => file.name)])].join(', ');
  return readTable(all, { fileName, name, mapping });
}

const nameOf = (fileName: string): string =>
  fileName.replace(/^.*\//, '').replace(/(?:\.(?:csv|tsv|tab|jsonl|ndjson|json|parquet|gz))+$/i, '');

async function readOwn(data: DatasetFiles): Promise<readonly Suite[] | null> {
  const [file] = data.files;
  if (data.files.length !== 1 || bytesOf(data) > MAX_OWN_BYTES) return null;
  const text = new TextDecoder().decode(await readSlice(file.blob, 0, file.blob.size, file.name));
  if (!/^﻿?\s*\{/.test(text)) return null;
  try {
    return ownSuites(parsePythonJson(text.replace(/^﻿/, '')), file.name);
  } catch (error) {
    if (error instanceof TrainerError) throw error;
    return null; // JSONL, or no JSON: the readers of tables say what is wrong
  }
}

interface Table {
  readonly fileName: string;
  readonly name: string;
  readonly mapping: SuiteMapping;
}

function readTable(all: readonly ReadRow[], table: Table): ReadSuite {
  const objects = all.filter((row): row is RawRow => !isProblem(row) && isObjectRow(row.value));
  if (objects.length === 0) {
    const [first] = all;
    const why = first !== undefined && isProblem(first) ? `: line ${first.line} ${first.reason}` : '';
    throw new TrainerError('dataset-empty', `${table.fileName} has no row with named columns${why}.`);
  }
  const reader = readerOf(objects, table);
  const rejected: RowProblem[] = [];
  const rows: SuiteRow[] = [];
  const unused = new UnusedColumns();
  for (const row of all) {
    if (isProblem(row)) {
      rejected.push(row);
      continue;
    }
    const reject = (problem: Refusal): void => {
      rejected.push({ ...problem, line: row.line, excerpt: excerptOf(row.value) });
      unused.addRejected(row.value);
    };
    if (!isObjectRow(row.value)) {
      reject({ code: 'row-shape', reason: 'has no named columns' });
      continue;
    }
    const columns = new Columns(row.value as Row);
    const draft = reader.read(columns, row.value as Row);
    if (draft === unlabelled) throw ambiguousLabel(row.line, reader.title, table);
    if (isRefusal(draft)) {
      reject(draft);
      continue;
    }
    rows.push({ ...draft, id: String(row.line) });
    unused.addUsed(columns.fields.unused());
  }
  if (rows.length === 0) {
    const [first] = rejected;
    throw new TrainerError(
      'dataset-empty',
      `${table.fileName}, read as ${reader.title}, has no row that can be asked: line ${first.line} ${first.reason}.`,
    );
  }
  return {
    suites: [{ name: table.name, kind: kindOf(rows, reader.kind, table), rows, sampled: null }],
    shape: reader.title,
    totalRows: all.length,
    rejected,
    unusedColumns: unused.list(all.length),
    notes: reader.note === undefined ? [] : [reader.note],
  };
}

const isObjectRow = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface Reader {
  readonly title: string;
  readonly kind: SuiteKind | null;
  readonly note?: string;
  read(columns: Columns, row: Row): RowDraft | Refusal;
}

function readerOf(objects: readonly RawRow[], { fileName, mapping }: Table): Reader {
  const label: RowLabel | null =
    mapping.kind === 'harmful' || mapping.kind === 'benign' ? mapping.kind : null;
  const rows = objects.map(({ value }) => value as Row);
  const context: ShapeContext = { fileName, label, numberFrom: numberFromOf(rows, fileName, mapping) };
  if (mapping.columns.size > 0) {
    const kind = mapping.kind;
    requireColumns(rows, mapping, fileName);
    return {
      title: 'mapped columns',
      kind,
      read: (columns) => readMappedRow(columns, mapping.columns, context, kind),
    };
  }
  const first = rows.slice(0, FIRST_ROWS);
  const names = new Set(first.flatMap((row) => Object.keys(row).map((name) => name.toLowerCase())));
  const has = (...wanted: readonly string[]): boolean => wanted.every((name) => names.has(name));
  const fitting = shapes.filter((shape) => shape.fits(has, first));
  if (fitting.length > 1) throw ambiguousShape(fitting, fileName);
  const [shape] = fitting;
  if (shape !== undefined) {
    const { title, kind, note } = shape;
    return { title, kind, note, read: (columns) => shape.read(columns, context) };
  }
  if (![...promptColumns, ...conversationColumns].some((name) => names.has(name)))
    throw unknownShape([...new Set(first.flatMap((row) => Object.keys(row)))], fileName);
  return { title: 'requests', kind: null, read: (columns, row) => readRequestRow(columns, row, context) };
}

function requireColumns(rows: readonly Row[], { columns }: SuiteMapping, fileName: string): void {
  const names = new Set(rows.flatMap((row) => Object.keys(row).map((name) => name.toLowerCase())));
  for (const [what, column] of columns)
    if (!names.has(column.toLowerCase()))
      throw new TrainerError(
        'config-invalid',
        `${fileName} has no column "${column}" (mapped to ${what}). It has: ${[...names].slice(0, 30).join(', ')}.`,
      );
}

/**
 * Numbers of right choices count from 0 in MMLU and from 1 in other files. The rows tell where one is 0, or is as large
 * as there are choices; where neither happens, 0 is what the published files mean. Both is a file that cannot be read.
 */
function numberFromOf(rows: readonly Row[], fileName: string, { columns }: SuiteMapping): NumberFrom {
  const cell = (row: Row, names: readonly string[]): unknown =>
    Object.entries(row).find(([name]) => names.includes(name.toLowerCase()))?.[1];
  const answerNames = [columns.get('expected')?.toLowerCase() ?? 'answer', 'answer_index'];
  const choiceNames = [columns.get('choices')?.toLowerCase() ?? 'choices', 'options'];
  let hasZero = false;
  let hasEnd = false;
  for (const row of rows) {
    const answer = cell(row, answerNames);
    const number = typeof answer === 'string' && answer.trim() !== '' ? Number(answer) : answer;
    if (typeof number !== 'number' && typeof number !== 'bigint') continue;
    const choices = listOfTexts(cell(row, choiceNames));
    hasZero ||= Number(number) === 0;
    hasEnd ||= choices !== null && Number(number) === choices.length;
  }
  if (hasZero && hasEnd)
    throw new TrainerError(
      'dataset-ambiguous',
      `${fileName} has right choices numbered from 0 and from 1: write their letters, or map a column that has them.`,
    );
  return hasEnd ? 1 : 0;
}

function kindOf(
  rows: readonly SuiteRow[],
  byShape: SuiteKind | null,
  { mapping, fileName }: Table,
): SuiteKind {
  const byLabels = kindOfLabels(rows.map(({ label }) => label));
  const own = byShape ?? byLabels ?? 'accuracy';
  const said = mapping.kind;
  if (said === null || said === own) return own;
  if (said === 'structure' && byLabels !== null) return 'structure';
  if (said === 'mixed' && byLabels !== null) return 'mixed';
  if (said === 'accuracy' && rows.every(({ expected }) => expected !== null)) return 'accuracy';
  throw new TrainerError(
    'config-invalid',
    `${fileName} is a suite of the kind ${own} by its rows, and kind=${said} was said. Leave it out, or map its columns.`,
  );
}

function ambiguousLabel(line: number, shape: string, { fileName }: Table): TrainerError {
  return new TrainerError(
    'dataset-ambiguous',
    `${fileName}, read as ${shape}, does not say whether its prompts are harmful or benign (line ${line}). Say kind=harmful or kind=benign, or map a column that says it: label=<column>.`,
  );
}

function ambiguousShape(fitting: readonly SuiteShape[], fileName: string): TrainerError {
  return new TrainerError(
    'dataset-ambiguous',
    `${fileName} could be ${fitting.map(({ title }) => title).join(' or ')}. Map its columns, e.g. prompt=<column> expected=<column>.`,
  );
}

function unknownShape(names: readonly string[], fileName: string): TrainerError {
  return new TrainerError(
    'dataset-ambiguous',
    `${fileName} has the columns ${names.slice(0, 30).join(', ')}, which are of no suite that is known. Map them: prompt=<column>, and expected=<column>, reference=<column> or label=<column>, or kind=harmful | benign.`,
  );
}

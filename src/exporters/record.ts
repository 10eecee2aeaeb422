/** What is left of a run besides its weights: model card, settings, and the curve as JSON lines, as a table and for TensorBoard. */
import { TrainerError } from '../support/trainer-error.ts';
import { bytesFile, textFile, type ExportFile } from './export-file.ts';
import type { ExportSubject } from './subject.ts';
import { eventFile, type Scalars } from './tensorboard.ts';

type Row = Readonly<Record<string, unknown>>;

/** @throws TrainerError "nothing-to-export" where the adapter has no run */
export function recordFiles({ records }: ExportSubject): ExportFile[] {
  const metrics = records.get('metrics.jsonl');
  if (metrics === undefined)
    throw new TrainerError(
      'nothing-to-export',
      'There is no metrics.jsonl with this adapter: the record of a run is exported from the run, or from the folder that it wrote.',
    );
  const rows = rowsOf(metrics);
  return [
    ...[...records].map(([name, bytes]) => bytesFile(name, bytes)),
    textFile('metrics.csv', csvOf(rows)),
    // TensorBoard reads files that are called so: a time and a machine follow.
    bytesFile('tensorboard/events.out.tfevents.0.alttrain-web', eventFile(rows.flatMap(scalarsOf))),
  ];
}

function rowsOf(bytes: Uint8Array): Row[] {
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => {
      try {
        return JSON.parse(line) as Row;
      } catch {
        throw new TrainerError(
          'nothing-to-export',
          `metrics.jsonl cannot be read: line ${index + 1} is no JSON.`,
        );
      }
    });
}

const isPlain = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** A column for every name that has a plain value in some row, in the order in which they come. Traces have none. */
function csvOf(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row).filter((name) => isPlain(row[name]))))];
  const lines = rows
    .map((row) => columns.map((name) => row[name]))
    .filter((values) => values.some((value, i) => isPlain(value) && columns[i] !== 'step'))
    .map((values) => values.map((value) => (isPlain(value) ? cell(String(value)) : '')).join(','));
  return [columns.map(cell).join(','), ...lines].map((line) => `${line}\r\n`).join('');
}

/** RFC 4180. */
const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Under the names that transformers gives TensorBoard: eval_loss is "eval/loss", all else of training. */
function scalarsOf(row: Row): Scalars[] {
  const { step } = row;
  if (typeof step !== 'number' || !Number.isSafeInteger(step) || step < 0) return [];
  const values = Object.entries(row).flatMap(([name, value]): [string, number][] => {
    if (name === 'step' || typeof value !== 'number') return [];
    return [[name.startsWith('eval_') ? `eval/${name.slice('eval_'.length)}` : `train/${name}`, value]];
  });
  if (values.length === 0) return [];
  // No clock enters a run's files, so that the same run gives the same bytes: steps stand for seconds.
  return [{ step, wallTime: step, values: Object.fromEntries(values) }];
}

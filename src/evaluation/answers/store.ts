/**
 * Answers as they come, one record each, so that nothing is written twice by a model. Whoever keeps them (a run store, a file)
 * implements two calls; records are lines of JSON, and a last line that a crash cut off is left out.
 */
import type {
  AnswerRecord,
  EvaluationRecord as StoredRecord,
  OverruleRecord,
} from '../../api/evaluations.ts';

export type { AnswerRecord, OverruleRecord, StoredRecord };

export interface AnswerStore {
  /** Resolves when they will be read again after a crash. */
  append(records: readonly StoredRecord[]): Promise<void>;
  /** In the order in which they were appended. */
  readAll(): Promise<readonly StoredRecord[]>;
}

export function memoryStore(): AnswerStore {
  const all: StoredRecord[] = [];
  return {
    append: (records) => {
      all.push(...records);
      return Promise.resolve();
    },
    readAll: () => Promise.resolve([...all]),
  };
}

export const recordLines = (records: readonly StoredRecord[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');

/** What was read of lines; `torn`: characters at the end that are no whole line. */
export interface ReadRecords {
  readonly records: readonly StoredRecord[];
  readonly torn: number;
}

/** @throws SyntaxError where a line before the last is damaged: that is no crash while writing */
export function parseRecordLines(text: string): ReadRecords {
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  const records = lines.flatMap((line, i): StoredRecord[] => {
    if (line.trim() === '') return [];
    const record = parseRecord(line);
    if (record === null) throw new SyntaxError(`line ${i + 1} is no record of an evaluation`);
    return [record];
  });
  return { records, torn: last.length };
}

function parseRecord(line: string): StoredRecord | null {
  try {
    const value = JSON.parse(line) as StoredRecord | null;
    const isRecord =
      typeof value === 'object' &&
      value !== null &&
      (value.kind === 'answer' || value.kind === 'overrule' || value.kind === 'judgement');
    return isRecord && typeof value.key === 'string' ? value : null;
  } catch {
    return null;
  }
}

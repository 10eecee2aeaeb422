/** Answers of an evaluation in a file, a line each. A line that a crash cut off is removed when the file is opened again. */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { TrainerError } from '../../src/support/trainer-error.ts';
import {
  parseRecordLines,
  recordLines,
  type AnswerStore,
  type StoredRecord,
} from '../../src/evaluation/answers/store.ts';
import { reasonOf } from './inputs.ts';

/** @throws TrainerError "config-invalid" where the file holds something else */
export function openAnswerFile(path: string): AnswerStore {
  const all: StoredRecord[] = [];
  if (existsSync(path)) {
    const text = readFileSync(path, 'utf8');
    try {
      const { records, torn } = parseRecordLines(text);
      all.push(...records);
      if (torn > 0) truncateSync(path, Buffer.byteLength(text.slice(0, text.length - torn)));
    } catch (error) {
      throw new TrainerError(
        'config-invalid',
        `${path} cannot be gone on with: ${reasonOf(error)}. Choose another --out, or move it away.`,
      );
    }
  }
  return {
    append(records) {
      const file = openSync(path, 'a');
      try {
        writeSync(file, recordLines(records));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      all.push(...records);
      return Promise.resolve();
    },
    readAll: () => Promise.resolve([...all]),
  };
}

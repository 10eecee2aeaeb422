/**
 * metrics.jsonl while the run goes on, so that a killed run still has its curve. The worker says what a row is; this file
 * keeps those of a run that is resumed up to the step of its checkpoint, and writes anew what came after.
 */
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import type { MetricsRow } from '../../src/api/trainer-api.ts';
import { isFile } from './files.ts';
import { noFollow } from './own-path.ts';
import { writeWhole } from './write-whole.ts';

export interface MetricsLog {
  add(row: MetricsRow): void;
  /** Forgets the rows from this step on: they come again. */
  cutFrom(step: number): void;
  /** Writes what could not be written before. @throws Error when it cannot be written now either */
  finish(): void;
}

/** To the file that was made here, and to none that a link in its place leads to. */
function append(path: string, line: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_APPEND | noFollow);
  try {
    writeFileSync(file, line);
  } finally {
    closeSync(file);
  }
}

/** `resumedStep`: of the checkpoint the run goes on from; null for a new run. Nothing is touched before the first row. */
export function openMetricsLog(path: string, resumedStep: number | null): MetricsLog {
  let lines = resumedStep === null ? [] : linesUpTo(path, resumedStep);
  let isWritten = false;
  const write = (): void => {
    writeWhole(path, lines.map((line) => `${line}\n`).join(''));
    isWritten = true;
  };
  return {
    add(row) {
      const line = JSON.stringify(row);
      lines.push(line);
      try {
        if (isWritten) append(path, `${line}\n`);
        else write();
      } catch {
        isWritten = false; // a full disk: tried again with the next row
      }
    },
    cutFrom(step) {
      const kept = lines.filter((line) => stepOf(line) < step);
      if (kept.length === lines.length) return;
      lines = kept;
      isWritten = false; // whole with the next row
    },
    finish() {
      if (!isWritten && lines.length > 0) write();
    },
  };
}

/** A line that a crash cut off has no step: it is dropped, as is what came after the checkpoint. */
function linesUpTo(path: string, step: number): string[] {
  if (!isFile(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && stepOf(line) <= step);
}

function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as { step?: number }).step ?? Infinity;
  } catch {
    return Infinity;
  }
}

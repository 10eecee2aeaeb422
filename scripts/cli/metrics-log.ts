/** metrics.jsonl while the run goes on: one row per event, so that a killed run still has its curve. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { sampleTexts, stepRow } from '../../src/api/metrics-row.ts';
import type { TrainEvent } from '../../src/api/trainer-api.ts';
import { isFile } from './files.ts';

function rowOf(event: TrainEvent): Record<string, unknown> | null {
  switch (event.kind) {
    case 'step':
      return stepRow(event.report);
    case 'eval-loss':
      return { step: event.step, eval_loss: event.loss };
    case 'samples':
      return { step: event.step, samples: sampleTexts(event.samples) };
    case 'phase':
    case 'evaluation':
    case 'progress':
      return null;
    default:
      return event satisfies never;
  }
}

const linesOf = (path: string): string[] =>
  isFile(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line.trim() !== '')
    : [];

/** A line that a crash cut off has no step: it is dropped. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as { step?: number }).step ?? Infinity;
  } catch {
    return Infinity;
  }
}

const write = (path: string, lines: readonly string[]): void =>
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));

export interface MetricsLog {
  add(event: TrainEvent): void;
  /** Once the worker's own file is in place: puts the rows of the run that was resumed before it. */
  finish(): void;
}

/** `resumed`: rows of an earlier run in the same file stay, up to the step where this one takes over. */
export function openMetricsLog(path: string, resumed: boolean): MetricsLog {
  const earlier = resumed ? linesOf(path) : [];
  const before = (step: number): string[] => earlier.filter((line) => stepOf(line) < step);
  let hasRows = false;
  return {
    add(event) {
      const row = rowOf(event);
      if (row === null) return;
      if (!hasRows) write(path, before(Number(row['step'])));
      hasRows = true;
      appendFileSync(path, `${JSON.stringify(row)}\n`);
    },
    finish() {
      const own = linesOf(path);
      if (earlier.length === 0 || own.length === 0) return;
      write(path, [...before(stepOf(own[0])), ...own]);
    },
  };
}

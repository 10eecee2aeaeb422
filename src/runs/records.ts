/** The records of a run as files: JSON lines, in segments that are merged so that there are few of them. */
import type { StoredRecord } from '../api/stored-runs.ts';

export const isRecord = (event: { readonly kind: string }): event is StoredRecord =>
  ['step', 'eval-loss', 'samples', 'warning'].includes(event.kind);

/** The optimizer step that a record belongs to. */
export const stepOf = (record: StoredRecord): number =>
  record.kind === 'step' ? record.report.step : record.step;

export function toLines(records: readonly StoredRecord[]): Uint8Array {
  return new TextEncoder().encode(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

/** Of a file that is as it was written. */
export function fromLines(bytes: Uint8Array): StoredRecord[] {
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as StoredRecord);
}

export interface Segment {
  readonly name: string; // "records/<number>", never used again
  readonly bytes: number;
}

/** The segments at the end that a new one of `bytes` takes in, so that each is larger than all after it: there are log n. */
export function mergedInto(bytes: number, segments: readonly Segment[]): Segment[] {
  let total = bytes;
  let first = segments.length;
  while (first > 0 && (segments[first - 1]?.bytes ?? 0) <= total) {
    first--;
    total += segments[first]?.bytes ?? 0;
  }
  return segments.slice(first);
}

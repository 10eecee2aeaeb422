/** The records of a run as files: JSON lines, in segments that are merged so that there are few of them. */
import type { StoredRecord } from '../api/stored-runs.ts';
import type { TrainEvent } from '../api/trainer-api.ts';

/** What becomes of saves is no record of the run: the saves show it. */
export const isRecord = (event: TrainEvent): event is StoredRecord =>
  event.kind === 'warning'
    ? event.code !== 'not-kept' && event.code !== 'kept-again'
    : ['step', 'eval-loss', 'samples'].includes(event.kind);

/** The optimizer step that a record belongs to. */
export const stepOf = (record: StoredRecord): number =>
  record.kind === 'step' ? record.report.step : record.step;

export function toLines(records: readonly object[]): Uint8Array {
  return new TextEncoder().encode(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

/** Of a file that is as it was written. */
export function fromLines<Record = StoredRecord>(bytes: Uint8Array): Record[] {
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record);
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

/** A new segment of `bytes` together with those that it takes in; one that cannot be read stays by itself. `read`: by name. */
export async function joinedSegment(
  bytes: Uint8Array,
  segments: readonly Segment[],
  read: (name: string) => Promise<Uint8Array | null>,
): Promise<{ readonly bytes: Uint8Array; readonly others: readonly Segment[] }> {
  const taken = mergedInto(bytes.length, segments);
  const parts = await Promise.all(taken.map(({ name }) => read(name)));
  if (parts.some((part) => part === null)) return { bytes, others: segments };
  const lines = new Blob([...parts, bytes] as BlobPart[]);
  return {
    bytes: new Uint8Array(await lines.arrayBuffer()),
    others: segments.slice(0, segments.length - taken.length),
  };
}

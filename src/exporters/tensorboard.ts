/**
 * A TensorBoard event file: TFRecords (length, its checksum, data, their checksum) of Event messages in protobuf's encoding.
 * https://github.com/tensorflow/tensorboard, compat/proto/event.proto and summary.proto.
 */
import { maskedCrc32c } from './crc32c.ts';

export interface Scalars {
  readonly step: number;
  readonly wallTime: number; // seconds since 1970
  readonly values: Readonly<Record<string, number>>; // by tag
}

export function eventFile(rows: readonly Scalars[]): Uint8Array {
  const first = [...double(1, rows[0]?.wallTime ?? 0), ...text(3, 'brain.Event:2')];
  const records = [first, ...rows.map(eventOf)].map((event) => record(Uint8Array.from(event)));
  const bytes = new Uint8Array(records.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of records) {
    bytes.set(one, at);
    at += one.length;
  }
  return bytes;
}

function eventOf({ step, wallTime, values }: Scalars): number[] {
  const summary = Object.entries(values).flatMap(([tag, value]) =>
    message(1, [...text(1, tag), ...float(2, value)]),
  );
  return [...double(1, wallTime), ...field(2, 0), ...varint(step), ...message(5, summary)];
}

function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + data.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return bytes;
}

/** Number of a field and how its value is written: 0 varint, 1 eight bytes, 2 with a length, 5 four bytes. */
const field = (number: number, kind: number): number[] => varint(number * 8 + kind);

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

const message = (number: number, content: readonly number[]): number[] => [
  ...field(number, 2),
  ...varint(content.length),
  ...content,
];
const text = (number: number, value: string): number[] =>
  message(number, [...new TextEncoder().encode(value)]);
const double = (number: number, value: number): number[] => [
  ...field(number, 1),
  ...new Uint8Array(Float64Array.of(value).buffer),
];
const float = (number: number, value: number): number[] => [
  ...field(number, 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];

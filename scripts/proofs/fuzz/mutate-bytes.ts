/** Damage to a file that knows nothing of its format. */
import type { Rng } from '../../../src/support/rng.ts';

const numbers = [
  '0',
  '-1',
  '1',
  '2147483648',
  '9007199254740992',
  '9007199254740993',
  '1e308',
  '-1e308',
  'NaN',
  '1e-400',
];
const binaryNumbers = [0, 1, 0x7f, 0x80, 0xff];

type Mutator = (bytes: Uint8Array, rng: Rng, other: Uint8Array) => Uint8Array;

const part = (bytes: Uint8Array, rng: Rng): [number, number] => {
  const start = rng.below(bytes.length + 1);
  return [start, Math.min(bytes.length, start + 1 + rng.below(Math.max(1, Math.min(4096, bytes.length))))];
};
export const joined = (...parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of parts) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
};

const mutators: readonly Mutator[] = [
  // A flipped bit, anywhere or near an end, where headers and footers lie.
  (bytes, rng) => {
    const copy = bytes.slice();
    const near = Math.min(copy.length, 512);
    const at = [rng.below(copy.length), rng.below(near), copy.length - 1 - rng.below(near)][rng.below(3)];
    if (copy.length > 0) copy[at] ^= 1 << rng.below(8);
    return copy;
  },
  (bytes, rng) => {
    const copy = bytes.slice();
    for (let i = 1 + rng.below(8); i > 0 && copy.length > 0; i--) {
      const end = rng.next() < 0.5 ? copy.length : Math.min(copy.length, 256);
      copy[rng.below(end)] = binaryNumbers[rng.below(binaryNumbers.length)];
    }
    return copy;
  },
  (bytes, rng) => bytes.slice(0, rng.below(bytes.length + 1)),
  (bytes, rng) => bytes.slice(rng.below(bytes.length + 1)),
  (bytes, rng) => {
    const [start, end] = part(bytes, rng);
    return joined(bytes.subarray(0, end), bytes.subarray(start));
  },
  (bytes, rng) => {
    const [start, end] = part(bytes, rng);
    return joined(bytes.subarray(0, start), bytes.subarray(end));
  },
  (bytes, rng, other) =>
    joined(bytes.subarray(0, rng.below(bytes.length + 1)), other.subarray(rng.below(other.length + 1))),
  // A number of a text becomes another.
  (bytes, rng) => {
    const places: [number, number][] = [];
    for (let at = 0; at < bytes.length && places.length < 4096; at++) {
      const start = at;
      while (at < bytes.length && bytes[at] >= 0x30 && bytes[at] <= 0x39) at++;
      if (at > start) places.push([start, at]);
    }
    if (places.length === 0) return bytes;
    const [start, end] = places[rng.below(places.length)];
    const text = new TextEncoder().encode(numbers[rng.below(numbers.length)]);
    return joined(bytes.subarray(0, start), text, bytes.subarray(end));
  },
];

/** One to three of the mutators, in turn. */
export function mutateBytes(bytes: Uint8Array, rng: Rng, other: Uint8Array): Uint8Array {
  let changed = bytes;
  for (let i = rng.next() < 0.7 ? 1 : 2 + rng.below(2); i > 0; i--)
    changed = mutators[rng.below(mutators.length)](changed, rng, other);
  return changed;
}

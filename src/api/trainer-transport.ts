/**
 * Errors across the worker boundary. comlink reduces a thrown error to `{ message, name, stack }`; both sides call
 * `installErrorTransport()` before anything is exposed or wrapped, so that code and detail arrive as well.
 */
import { transferHandlers, type TransferHandler } from 'comlink';
import { fromWire, toWire, type WireError } from '../support/trainer-error.ts';

/** comlink's own envelope for a thrown value; its marker symbol is private, so its `canHandle` is kept. */
interface Thrown {
  readonly value: unknown;
}

export function installErrorTransport(): void {
  const builtin = transferHandlers.get('throw');
  if (builtin === undefined)
    throw new Error('comlink has no "throw" transfer handler: its internals have changed');
  const handler: TransferHandler<Thrown, WireError> = {
    canHandle: (value): value is Thrown => builtin.canHandle(value),
    serialize: ({ value }) => [toWire(value), []],
    deserialize: (wire) => {
      throw fromWire(wire);
    },
  };
  transferHandlers.set('throw', handler);
}

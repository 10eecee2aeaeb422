/** Large results in a real worker, for tests/worker/outbox.test.ts: only there can the private file system be written piece by piece. */
import * as comlink from 'comlink';
import { installErrorTransport } from '../../src/api/trainer-transport.ts';
import { browserHost } from '../../src/host/browser/browser-host.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { Outbox } from '../../src/trainer/outbox.ts';

export interface OutboxWorker {
  /** A result that is announced as too large for memory, of so many pieces of a megabyte; all its bytes are `value`. */
  make(pieces: number, value: number, failsAfter?: number): Promise<Blob>;
  sweep(): Promise<void>;
}

const outbox = new Outbox(browserHost(location.href));
const announced = 65 * 2 ** 20;

async function* megabytes(pieces: number, value: number, failsAfter: number): AsyncIterable<Uint8Array> {
  for (let i = 0; i < pieces; i++) {
    if (i === failsAfter) throw new TrainerError('cancelled', 'The export was cancelled.');
    yield await Promise.resolve(new Uint8Array(2 ** 20).fill(value));
  }
}

const api: OutboxWorker = {
  make: async (pieces, value, failsAfter = Infinity) =>
    (await outbox.begin(announced)).add(megabytes(pieces, value, failsAfter), 'application/zip'),
  sweep: () => outbox.sweep(),
};

installErrorTransport();
comlink.expose(api);

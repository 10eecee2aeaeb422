/** A file of the hub, read in ranges: a range that breaks off goes on where it stopped. */
import type { ByteSource } from '../support/byte-source.ts';
import { openExchange, withRetries, type Exchange, type Line } from './exchange.ts';
import { assertContent, plainEtag } from './etag.ts';
import { damaged, Passing, refusal } from './hub-errors.ts';
import type { TransferMeter } from './transfer-meter.ts';

interface RemoteFile {
  readonly name: string;
  readonly url: string;
  readonly size: number; // bytes
  readonly etag: string; // of the content, as the hub's own server gives it
}

/** Less than this in one attempt is no progress: a connection that drips is given up. */
const progressBytes = 2 ** 18;
/** From then on what was left a moment ago is no longer true. */
const stalledMs = 3_000;

export function remoteSource(line: Line, file: RemoteFile, meter: TransferMeter): ByteSource {
  const { name, size } = file;
  let servedEtag: string | null = null; // of the server the hub redirects to; its meaning is its own
  let furthest = 0; // for the progress; the weights are not read in the order of the file

  const check = ({ status, headers }: Response, start: number): void => {
    if (status === 416) throw damaged(name, 'it is shorter than announced.');
    if (status !== 200 && status !== 206) throw refusal(name, status);
    if (status === 200 && start > 0) throw damaged(name, 'the server does not send parts of files.');
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('Content-Range') ?? '');
    if (status === 206 && range !== null && (Number(range[1]) !== start || Number(range[2]) !== size))
      throw damaged(name, `"${range[0]}" came where byte ${start} of ${size} was asked for.`);
    const etag = headers.get('ETag');
    if (etag === null) return;
    servedEtag ??= plainEtag(etag);
    if (servedEtag !== plainEtag(etag)) throw damaged(name, 'it changed while it was being loaded (ETag).');
  };

  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(end - start);
    let got = 0;
    let atLastFailure = 0;
    const attempt = async (): Promise<void> => {
      const headers = { Range: `bytes=${start + got}-${end - 1}` };
      const exchange = await openExchange(line, file.url, { headers });
      try {
        check(exchange.response, start + got);
        await fill(exchange);
      } finally {
        exchange.close();
      }
    };
    const unlessStalled = async <T>(waiting: Promise<T>): Promise<T> => {
      const why = `nothing has arrived for ${stalledMs / 1000} s`;
      const timer = setTimeout(() => meter.waits(name, why, null), stalledMs);
      try {
        return await waiting;
      } finally {
        clearTimeout(timer);
      }
    };
    const fill = async (exchange: Exchange): Promise<void> => {
      const isPart = exchange.response.status === 206;
      while (got < bytes.length) {
        const chunk = await unlessStalled(exchange.readChunk());
        if (chunk === null) throw new Passing(`${name} broke off at byte ${start + got} of ${size}`);
        if (isPart && got + chunk.length > bytes.length)
          throw damaged(name, `more than the ${bytes.length} bytes that were asked for came.`);
        const taken = chunk.subarray(0, bytes.length - got);
        bytes.set(taken, got);
        got += taken.length;
        furthest = Math.min(size, furthest + taken.length);
        meter.received(name, furthest, size, taken.length);
      }
    };
    const hasProgressed = (): boolean => {
      const isEnough = got - atLastFailure >= progressBytes;
      atLastFailure = got;
      return isEnough;
    };
    await withRetries(line, name, attempt, hasProgressed);
    return bytes;
  };

  return {
    size,
    async read(start, end) {
      if (end <= start) return new Uint8Array(0);
      if (start < 0 || end > size)
        throw new RangeError(`bytes ${start} to ${end} of ${name}, which has ${size}`);
      const bytes = await read(start, end);
      if (start === 0 && end === size) await assertContent(name, bytes, file.etag);
      return bytes;
    },
  };
}

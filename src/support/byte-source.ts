/**
 * Random access to the bytes of a file that may be too large to hold: a picked Blob, or a URL.
 */
import { inBlocks } from './in-blocks.ts';
import { TrainerError } from './trainer-error.ts';

export interface ByteSource {
  readonly size: number; // bytes
  /** Bytes [start, end). The result is a fresh array that the caller owns. */
  read(start: number, end: number): Promise<Uint8Array>;
}

export function blobSource(blob: Blob): ByteSource {
  return {
    size: blob.size,
    read: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  };
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (start, end) => Promise.resolve(bytes.slice(start, end)) };
}

/** Servers without Range requests answer 200 with the whole file: then it is downloaded once and kept. */
export async function urlSource(url: string, fetcher: typeof fetch = fetch): Promise<ByteSource> {
  const probe = await request(fetcher, url, { headers: { Range: 'bytes=0-0' } }, isOfEmptyFile);
  if (isOfEmptyFile(probe)) return bytesSource(new Uint8Array(0));
  if (probe.status === 200) return bytesSource(new Uint8Array(await probe.arrayBuffer()));
  const size = Number(/\/(\d+)$/.exec(probe.headers.get('Content-Range') ?? '')?.[1] ?? Number.NaN);
  await probe.arrayBuffer();
  if (!Number.isSafeInteger(size)) {
    // The size cannot be learnt across origins when Content-Range is not exposed.
    const whole = await request(fetcher, url, {});
    return bytesSource(new Uint8Array(await whole.arrayBuffer()));
  }
  return inBlocks({
    size,
    async read(start, end) {
      if (end <= start) return new Uint8Array(0);
      const response = await request(fetcher, url, { headers: { Range: `bytes=${start}-${end - 1}` } });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const part = response.status === 200 ? bytes.slice(start, end) : bytes;
      if (part.length === end - start) return part;
      throw new TrainerError(
        'model-file-invalid',
        `${url} gave ${part.length} bytes where ${end - start} were asked for: the download was cut off. Try again.`,
      );
    },
  });
}

/** A file without bytes has no byte 0 to send. */
const isOfEmptyFile = ({ status, headers }: Response): boolean =>
  status === 416 && headers.get('Content-Range') === 'bytes */0';

async function request(
  fetcher: typeof fetch,
  url: string,
  init: RequestInit,
  isAlsoGood = (_: Response): boolean => false,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetcher(url, init);
  } catch (error) {
    throw new TrainerError('model-file-missing', `${url} could not be reached.`, String(error));
  }
  if (!response.ok && !isAlsoGood(response))
    throw new TrainerError(
      'model-file-missing',
      `${url} answered ${response.status} ${response.statusText}.`,
    );
  return response;
}

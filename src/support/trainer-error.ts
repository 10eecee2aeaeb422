/**
 * Every failure a user can meet, as a coded error that survives the worker boundary.
 *
 * comlink flattens errors to `{ message, name, stack }`; the worker's transport (workers/trainer.worker.ts)
 * sends `toWire(error)` instead, so code and detail arrive. Never match on message text: match on `code`.
 */
import { reasonOf, shortened, withoutControls } from './text-of.ts';

export const errorCodes = [
  'webgpu-unavailable',
  'device-lost',
  'gpu-error',
  'gpu-out-of-memory',
  'self-test-failed',
  'model-unsupported',
  'model-file-missing',
  'model-file-invalid',
  'hub-access',
  'hub-exists',
  'hub-not-found',
  'hub-busy',
  'hub-unreachable',
  'download-damaged',
  'cache-damaged',
  'storage-full',
  'storage-unavailable',
  'adapter-invalid',
  'dataset-unreadable',
  'dataset-empty',
  'dataset-ambiguous',
  'config-invalid',
  'busy',
  'not-ready',
  'nothing-to-export',
  'loss-not-finite',
  'checkpoint-invalid',
  'worker-lost',
  'network-failed',
  'run-in-use',
  'run-not-found',
  'cancelled',
  'internal',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** Codes that mean "what you gave me cannot be used": the command line exits with 2. */
export const badInputCodes: readonly ErrorCode[] = [
  'model-unsupported',
  'model-file-missing',
  'model-file-invalid',
  'hub-access',
  'hub-exists',
  'hub-not-found',
  'adapter-invalid',
  'dataset-unreadable',
  'dataset-empty',
  'dataset-ambiguous',
  'config-invalid',
  'checkpoint-invalid',
  'run-not-found',
];

const MAX_MESSAGE_CHARS = 4_000;
const MAX_DETAIL_CHARS = 20_000;
const readable = (text: string, maxChars: number): string =>
  shortened(withoutControls(text.slice(0, maxChars + 1)), maxChars);

/**
 * `message` says what happened, with which value, and what to do; `detail` is for the expandable part. Both may quote a
 * file: control characters, which a terminal would obey, become escapes here, and endless names are cut.
 */
export class TrainerError extends Error {
  override readonly name = 'TrainerError';
  readonly code: ErrorCode;
  readonly detail: string | null;

  constructor(code: ErrorCode, message: string, detail: string | null = null) {
    super(readable(message, MAX_MESSAGE_CHARS));
    this.code = code;
    this.detail = detail === null ? null : readable(detail, MAX_DETAIL_CHARS);
  }
}

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail: string | null;
}

export function toWire(error: unknown): WireError {
  if (error instanceof TrainerError)
    return { code: error.code, message: error.message, detail: error.detail };
  if (error instanceof Error) {
    if (isNetworkFailure(error))
      return {
        code: 'network-failed',
        message: 'Something that was needed could not be loaded: the network or the server did not answer.',
        detail: error.message,
      };
    return { code: 'internal', message: reasonOf(error), detail: error.stack ?? null };
  }
  return { code: 'internal', message: reasonOf(error), detail: null };
}

/** What Chrome, Firefox, Safari and Node say of a fetch, or of a script that is loaded later, that got no answer. */
const networkWords =
  /^(failed to fetch\b|networkerror when attempting to fetch|load failed$|fetch failed$|error loading dynamically imported module|importing a module script failed)/i;

/** A browser has no other sign of it: the class is TypeError, as for faults of the program. */
const isNetworkFailure = (error: Error): boolean =>
  error instanceof TypeError && networkWords.test(error.message.trim());

export function fromWire(wire: WireError): TrainerError {
  return new TrainerError(wire.code, wire.message, wire.detail);
}

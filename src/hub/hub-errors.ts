/** What the hub's answers mean for a user. No message ever holds an access token. */
import { TrainerError } from '../support/trainer-error.ts';

/** A failure that another attempt may mend. */
export class Passing extends Error {
  readonly status: number | null; // null: no answer, or a broken one
  readonly retryAfterMs: number | null;

  constructor(message: string, status: number | null = null, retryAfterMs: number | null = null) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export const cancelled = (): TrainerError => new TrainerError('cancelled', 'Loading was cancelled.');

export const damaged = (file: string, what: string): TrainerError =>
  new TrainerError('download-damaged', `${file} did not arrive as the hub describes it: ${what}`);

/** Answers worth asking again: the server is busy or was restarted. */
export const isPassingStatus = (status: number): boolean =>
  [408, 425, 429, 500, 502, 503, 504].includes(status);

export function refusal(what: string, status: number): TrainerError {
  if (status === 401 || status === 403)
    return new TrainerError(
      'hub-access',
      `The hub does not give access to ${what} (${status}): it is gated, private, or does not exist. ` +
        'Accept its conditions on its page, then load it with an access token that may read it.',
    );
  if (status === 404) return new TrainerError('hub-not-found', `The hub has no ${what}.`);
  return new TrainerError('hub-unreachable', `The hub answered ${status} for ${what}.`);
}

/** After the last attempt. */
export function exhausted(what: string, { status, message }: Passing): TrainerError {
  if (status === 429 || status === 503)
    return new TrainerError(
      'hub-busy',
      `The hub is busy and did not give ${what}, asked several times (${status}).`,
    );
  return new TrainerError('hub-unreachable', `${what} could not be loaded, tried several times: ${message}`);
}

/** "3" (seconds) or a date; null where there is neither. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

import { TrainerError } from '../../../src/support/trainer-error.ts';
import type { Refused } from './cases.ts';

/** What was thrown, as an outcome. A reason without a code is no refusal but a fault. */
export function refusalOf(error: unknown): Refused {
  if (error instanceof TrainerError)
    return {
      kind: 'refused',
      code: error.code,
      message: [error.message, error.detail ?? ''].join(' ').trim(),
    };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: 'refused', code: 'uncoded', message };
}

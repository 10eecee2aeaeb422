/** Why a row cannot be used. */
import type { RowProblem } from '../api/trainer-api.ts';
import { acceptedShapes } from './raw-row.ts';

export type Refusal = Pick<RowProblem, 'code' | 'reason'>;

export const isRefusal = (read: object): read is Refusal => 'code' in read && 'reason' in read;

export const shapeProblem = (reason: string): Refusal => ({
  code: 'row-shape',
  reason: `${reason}. ${acceptedShapes}`,
});
export const emptyRow = (reason: string): Refusal => ({ code: 'row-empty', reason });
/** The row is understood, and says something that training here would not follow. */
export const unsupported = (reason: string): Refusal => ({ code: 'row-unsupported', reason });

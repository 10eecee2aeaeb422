/** What only the rows themselves can say about a run's settings, before anything is allocated. */
import { TrainerError } from '../support/trainer-error.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import type { Split } from './held-out.ts';

/** max_length may be above what the model can place: what counts is whether a row is. @throws TrainerError "config-invalid" */
export function checkLengths(
  examples: readonly TokenizedExample[],
  maxPositions: number,
  { packing }: RunConfig,
): void {
  const long = examples.filter(({ tokens }) => tokens.length > maxPositions);
  if (long.length === 0) return;
  const longest = long.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
  const packs = packing ? ' (with packing, that is also the size of a pack)' : '';
  throw new TrainerError(
    'config-invalid',
    `${long.length} of ${examples.length} rows ${long.length === 1 ? 'is' : 'are'} longer than the model's ${maxPositions} positions (max_position_embeddings): the longest has ${longest} tokens, in line ${long.find(({ tokens }) => tokens.length === longest)?.line}. Set max_length to ${maxPositions} or less${packs}; truncation then says what becomes of them: truncate, drop or split.`,
  );
}

/** @throws TrainerError "config-invalid" where an evaluation was asked for that would have no row. */
export function checkHeldOut({ evaluationRows, trainRows }: Split, { evalFraction }: RunConfig): void {
  if (evalFraction === 0 || evaluationRows > 0) return;
  const why = trainRows === 1 ? 'there is one row' : `all ${trainRows} rows are the same`;
  throw new TrainerError(
    'config-invalid',
    `eval_fraction ${evalFraction} cannot hold anything out: ${why}. Set eval_fraction to 0.`,
  );
}

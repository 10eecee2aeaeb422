/** Two outcomes of one case: equal, refused as it may be, as documented, or a disagreement. */
import type { Case, Loss, Outcome, Refused } from './cases.ts';
import { textOf } from '../../../src/support/text-of.ts';

export interface Verdict {
  readonly id: string;
  readonly result: 'equal' | 'refused by name' | 'both refuse' | 'as documented' | 'disagreement';
  readonly title: string; // of a disagreement or of the documented difference
  readonly detail: string;
}
export type MakeVerdict = (result: Verdict['result'], title?: string, detail?: string) => Verdict;

/** float32 against float32, summed in another order: the project's bar for a whole model (tests/gpu/goldens.test.ts). */
const F32 = 1e-4;
/** Of every tiny checkpoint (model-draft.ts). */
const vocabSize = 392;

/** A failure of the reference, and its answer where the spelling it failed on is corrected. */
export type ReferenceLoss =
  Outcome | (Refused & { readonly plainly?: (Loss | Refused) & { readonly spellings: readonly string[] } });

export const verdictOf =
  (one: Case): MakeVerdict =>
  (result, title = '', detail = '') => ({
    id: one.id,
    result,
    title,
    detail: [one.changes.map(({ name }) => name).join(' + '), detail]
      .filter((text) => text !== '')
      .join(' — '),
  });

export function judgeLoss(one: Case, ours: Outcome, reference: ReferenceLoss): Verdict {
  const verdict = verdictOf(one);
  if (ours.kind === 'refused') return judgeRefusal(one, ours, reference, verdict);
  if (ours.kind !== 'loss') return verdict('disagreement', 'no loss', JSON.stringify(ours));
  if (reference.kind === 'loss') return compareLoss(ours, reference, verdict) ?? verdict('equal');
  if (reference.kind !== 'refused') return verdict('disagreement', 'no reference', JSON.stringify(reference));
  const plainly = 'plainly' in reference ? reference.plainly : undefined;
  if (plainly?.kind === 'loss')
    return (
      compareLoss(ours, plainly, verdict) ??
      verdict('as documented', `read as it is meant: ${plainly.spellings.join(', ')}`)
    );
  return verdict(
    'disagreement',
    'computed what the reference refuses',
    `ours ${ours.loss}, reference ${reference.code}: ${firstLine(reference.message)}`,
  );
}

/** null: the same. */
function compareLoss(ours: Loss, reference: Loss, verdict: MakeVerdict): Verdict | null {
  if (!(Math.abs(ours.loss - reference.loss) <= F32 * Math.abs(reference.loss)))
    return verdict('disagreement', 'another loss', `ours ${ours.loss}, reference ${reference.loss}`);
  const missing = reference.eosIds.filter((id) => id >= 0 && !ours.eosIds.includes(id));
  if (missing.length === 0) return null;
  const isTold = (id: number): boolean =>
    ours.notes?.some((note) => /^The eos_token_id .* is not used/.test(note) && note.includes(String(id))) ===
    true;
  if (missing.every((id) => id >= vocabSize && isTold(id)))
    return verdict('as documented', 'an end id that no token has is told, and not used');
  return verdict(
    'disagreement',
    'an end id is not used',
    `ours ${textOf(ours.eosIds, 4_000)}, reference ${textOf(reference.eosIds, 4_000)}`,
  );
}

export function judgeRefusal(
  one: Case,
  ours: Refused,
  reference: Pick<Outcome, 'kind'>,
  verdict: MakeVerdict,
): Verdict {
  const said = `${ours.code}: ${firstLine(ours.message)}`;
  if (ours.code === 'uncoded' || ours.code === 'internal')
    return verdict('disagreement', 'an error without a code', said);
  if (reference.kind === 'refused') return verdict('both refuse');
  const reasons = one.changes.filter(({ refusal }) => refusal !== null);
  if (reasons.length === 0) return verdict('disagreement', 'refused without need', said);
  if (reasons.some(({ refusal }) => refusal?.test(ours.message))) return verdict('refused by name', '', said);
  return verdict('disagreement', 'refused, but not by name', said);
}

export const firstLine = (text: string): string => text.split('\n').slice(0, 2).join(' ').slice(0, 300);

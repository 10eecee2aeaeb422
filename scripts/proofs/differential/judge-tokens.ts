/**
 * Ids, texts and prompts of a tokenizer's folder, part by part. What docs/differential.md lists is compared with what transformers
 * itself gives under that difference (reference_tokenizers.py); nothing is compared loosely.
 */
import type { Case, Outcome, Parts, Refused } from './cases.ts';
import { firstLine, judgeRefusal, verdictOf, type Verdict } from './judge.ts';
import { textOf } from '../../../src/support/text-of.ts';

/** What transformers gives, and the parts of it that are others under a documented difference. */
interface Variants {
  readonly parts: Parts;
  readonly oneEnd: Parts;
  readonly addedAsWritten: Parts | null;
}
interface Read {
  readonly kind: 'tokens';
  readonly read: Variants;
  /** By tokenizer.json alone, where a class of transformers builds steps of its own. */
  readonly ofFile: Variants | null;
}
/** A failure, and the answer where the spelling it failed on is corrected. */
type Failed = Refused & { readonly plainly?: Variants };
export type ReferenceTokens = Read | Failed;

const oneEnd = 'a text ends with one end token, as an id';
const asWritten = 'an added token is shown as it is written';
const ofFile = 'tokenizer.json goes before the class of tokenizer_class or model_type';
const typed = 'special tokens as objects without "__type" are read';

export function judgeTokens(one: Case, ours: Outcome, reference: ReferenceTokens): Verdict {
  const verdict = verdictOf(one);
  if (ours.kind === 'refused') {
    // Nothing that transformers reads either says where an answer ends.
    const isEndless = reference.kind === 'tokens' && reference.read.oneEnd['eosId'] === null;
    if (isEndless && /no end token.*eos_token/.test(ours.message))
      return verdict('refused by name', '', ours.message);
    return judgeRefusal(one, ours, reference, verdict);
  }
  if (ours.kind !== 'tokens') return verdict('disagreement', 'no tokens');
  const { parts } = ours;
  for (const [titles, expected] of candidates(reference))
    if (firstOther(parts, expected) === null)
      return titles.length === 0 ? verdict('equal') : verdict('as documented', titles.join('; '));
  if (reference.kind === 'refused')
    return verdict(
      'disagreement',
      'read what the reference refuses',
      `${reference.code}: ${firstLine(reference.message)}`,
    );
  const expected = reference.read.parts;
  const other = firstOther(parts, expected) ?? '';
  return verdict('disagreement', `other ${other}`, firstDifference(parts[other], expected[other]));
}

type Candidate = readonly [titles: readonly string[], parts: Parts];

function candidates(reference: ReferenceTokens): Candidate[] {
  if (reference.kind === 'refused')
    return reference.plainly === undefined ? [] : variants([typed], reference.plainly);
  const { read, ofFile: own } = reference;
  return [...variants([], read), ...(own === null ? [] : variants([ofFile], own))];
}

const variants = (
  titles: readonly string[],
  { parts, oneEnd: end, addedAsWritten }: Variants,
): Candidate[] => [
  [titles, parts],
  [[...titles, oneEnd], { ...parts, ...end }],
  [[...titles, asWritten], { ...parts, ...addedAsWritten }],
  [[...titles, oneEnd, asWritten], { ...parts, ...end, ...addedAsWritten }],
];

/** The first part that differs. Of a prompt that cannot be rendered only that is compared: why, each side says in its own words. */
function firstOther(ours: Parts, expected: Parts): string | null {
  const names = Object.keys(expected).filter((name) => name !== 'promptError');
  const other = names.find((name) => JSON.stringify(ours[name]) !== JSON.stringify(expected[name]));
  if (other !== undefined) return other;
  const isSilent = expected['promptError'] !== undefined && typeof ours['promptError'] !== 'string';
  return isSilent ? 'promptError' : null;
}

function firstDifference(ours: unknown, reference: unknown): string {
  if (typeof ours === 'object' && typeof reference === 'object' && ours !== null && reference !== null) {
    const shown = (of: object, key: string): string => JSON.stringify((of as Parts)[key]) ?? 'nothing';
    const keys = Object.keys({ ...ours, ...reference }).filter(
      (key) => shown(ours, key) !== shown(reference, key),
    );
    const [key] = keys;
    return `at ${keys.join(',')}: ours ${shown(ours, key).slice(0, 160)}, reference ${shown(reference, key).slice(0, 160)}`;
  }
  return `ours ${textOf(ours, 4_000)}, reference ${textOf(reference, 4_000)}`;
}

/** Two outcomes of one case: equal, refused as it may be, or a disagreement with a title that groups it with others like it. */
import type { Case, Outcome } from './cases.ts';

export interface Verdict {
  readonly id: string;
  readonly result: 'equal' | 'refused by name' | 'both refuse' | 'as documented' | 'disagreement';
  readonly title: string; // of a disagreement or of the documented difference
  readonly detail: string;
}

/** float32 against float32, summed in another order: the project's bar for a whole model (tests/gpu/goldens.test.ts). */
const F32 = 1e-4;

export function judgeLoss(one: Case, ours: Outcome, reference: Outcome): Verdict {
  const changes = one.changes.map(({ name }) => name).join(' + ');
  const verdict = (result: Verdict['result'], title = '', detail = ''): Verdict => ({
    id: one.id,
    result,
    title,
    detail: `${changes}${detail === '' ? '' : ` — ${detail}`}`,
  });
  if (ours.kind === 'refused') return judgeRefusal(one, ours, reference, verdict);
  if (ours.kind !== 'loss') return verdict('disagreement', 'no loss', JSON.stringify(ours));
  if (reference.kind === 'refused')
    return verdict(
      'disagreement',
      'computed what the reference refuses',
      `ours ${ours.loss}, reference ${reference.code}: ${firstLine(reference.message)}`,
    );
  if (reference.kind !== 'loss') return verdict('disagreement', 'no reference', JSON.stringify(reference));
  if (!(Math.abs(ours.loss - reference.loss) <= F32 * Math.abs(reference.loss)))
    return verdict('disagreement', 'another loss', `ours ${ours.loss}, reference ${reference.loss}`);
  const missing = reference.eosIds.filter((id) => id >= 0 && !ours.eosIds.includes(id));
  if (missing.length > 0)
    return verdict(
      'disagreement',
      'an end id is not used',
      `ours ${JSON.stringify(ours.eosIds)}, reference ${JSON.stringify(reference.eosIds)}`,
    );
  return verdict('equal');
}

type Refused = Extract<Outcome, { readonly kind: 'refused' }>;

export function judgeRefusal(
  one: Case,
  ours: Refused,
  reference: Outcome,
  verdict: (result: Verdict['result'], title?: string, detail?: string) => Verdict,
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

const firstLine = (text: string): string => text.split('\n').slice(0, 2).join(' ').slice(0, 300);

/** Ids, texts and prompts of a tokenizer's folder, part by part. */
export function judgeTokens(one: Case, ours: Outcome, reference: Outcome): Verdict {
  const changes = one.changes.map(({ name }) => name).join(' + ');
  const verdict = (result: Verdict['result'], title = '', detail = ''): Verdict => ({
    id: one.id,
    result,
    title,
    detail: `${changes}${detail === '' ? '' : ` — ${detail}`}`,
  });
  if (ours.kind === 'refused') return judgeRefusal(one, ours, reference, verdict);
  const listed = listedTokens(one, ours, reference);
  if (listed !== null) return verdict('as documented', listed);
  if (reference.kind === 'refused')
    return verdict(
      'disagreement',
      'read what the reference refuses',
      `${reference.code}: ${firstLine(reference.message)}`,
    );
  if (ours.kind !== 'tokens' || reference.kind !== 'tokens') return verdict('disagreement', 'no tokens');
  for (const [part, expected] of Object.entries(reference.parts)) {
    const found = ours.parts[part];
    if (JSON.stringify(found) === JSON.stringify(expected)) continue;
    return verdict('disagreement', `other ${part}`, firstDifference(found, expected));
  }
  return verdict('equal');
}

function firstDifference(ours: unknown, reference: unknown): string {
  if (typeof ours === 'object' && typeof reference === 'object' && ours !== null && reference !== null) {
    const shown = (of: object, key: string): string =>
      JSON.stringify((of as Record<string, unknown>)[key]) ?? 'nothing';
    const keys = Object.keys({ ...ours, ...reference }).filter(
      (key) => shown(ours, key) !== shown(reference, key),
    );
    const [key] = keys;
    return `at ${keys.join(',')}: ours ${shown(ours, key).slice(0, 160)}, reference ${shown(reference, key).slice(0, 160)}`;
  }
  return `ours ${JSON.stringify(ours)}, reference ${JSON.stringify(reference)}`;
}

/** The differences that docs/differential.md lists, each recognised by its change and by what it may alter, nothing else. */
function listedTokens({ changes }: Case, ours: Outcome, reference: Outcome): string | null {
  const has = (pattern: RegExp): boolean => changes.some(({ name }) => pattern.test(name));
  if (reference.kind === 'refused')
    return has(/as objects/) && /has to be either str or AddedToken/.test(reference.message)
      ? 'special tokens as objects without "__type" are read'
      : null;
  if (ours.kind !== 'tokens' || reference.kind !== 'tokens') return null;
  if (has(/^tokenizer_class "(Llama|Qwen2|GPT2)|with LlamaTokenizer/))
    return 'tokenizer.json goes before tokenizer_class';
  const [a, b] = [ours.parts, reference.parts];
  const differing = Object.keys(b).filter((part) => JSON.stringify(a[part]) !== JSON.stringify(b[part]));
  if (!differing.every((part) => part === 'rows' || part === 'eosId')) return null;
  const [rows, theirs] = [a['rows'], b['rows']] as Record<string, number[]>[];
  const eos = Number(a['eosId']);
  const allRows = (isListed: (row: number[], other: number[]) => boolean): boolean =>
    Object.entries(rows).every(
      ([line, row]) => JSON.stringify(row) === JSON.stringify(theirs[line]) || isListed(row, theirs[line]),
    );
  const withEos = (row: number[]): string => JSON.stringify([...row, eos]);
  if (has(/^post_processor/) && allRows((row, other) => withEos(row) === JSON.stringify(other)))
    return 'a text ends with one end token where the post-processor adds one too';
  if (has(/^no eos_token/) && allRows((row, other) => JSON.stringify(row) === withEos(other)))
    return 'a text ends with the end token of generation_config.json';
  return null;
}

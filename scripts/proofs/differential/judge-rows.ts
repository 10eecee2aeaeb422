/**
 * Rows against TRL: ids and masks. The conscious differences of docs/data.md are named here one by one, and each changes the
 * reference in one narrow way before the comparison; nothing is compared loosely.
 */
import type { Outcome } from './cases.ts';
import { judgeRefusal, type Verdict } from './judge.ts';
import type { OurRow, RowGroup } from './row-cases.ts';

export interface ReferenceRows {
  readonly rows: Readonly<
    Record<
      string,
      | { readonly ids: number[]; readonly mask: number[]; readonly text: string; readonly control: number }
      | { readonly error: string }
    >
  >;
  readonly special: readonly number[];
  readonly eosId: number;
}

export function judgeRow(group: RowGroup, index: number, ours: Outcome, reference: ReferenceRows): Verdict {
  const one = group.rows[index];
  const changes = [
    group.template.name,
    group.mode,
    `${group.truncation} ${group.maxLength}`,
    ...one.changes.map(({ name }) => name),
  ].join(' + ');
  const verdict = (result: Verdict['result'], title = '', detail = ''): Verdict => ({
    id: one.id,
    result,
    title,
    detail: `${changes}${detail === '' ? '' : ` — ${detail}; row ${JSON.stringify(one.row)}`}`,
  });
  const expected = reference.rows[one.id];
  if (expected === undefined) return verdict('disagreement', 'no reference');
  if (ours === undefined) return verdict('disagreement', 'neither used nor refused');
  const isRefusal = 'error' in expected;
  if (ours.kind === 'refused') {
    const whole = isRefusal ? [] : cut(expected, reference, group);
    const tooLong =
      ours.code === 'row-too-long' && group.truncation === 'drop' && whole.length > group.maxLength;
    if (tooLong) return verdict('equal');
    const noTarget = ours.code === 'row-no-target' && !isRefusal && maskedWindow(expected, reference, group);
    if (noTarget) return verdict('equal');
    const outcome: Outcome = isRefusal
      ? { kind: 'refused', code: 'trl', message: expected.error }
      : { kind: 'tokens', parts: {} };
    return judgeRefusal(one, ours, outcome, verdict);
  }
  if (isRefusal) return verdict('disagreement', 'used what the reference refuses', expected.error);
  if (ours.kind !== 'tokens') return verdict('disagreement', 'no tokens');
  const { pieces, texts, control, listed } = ours.parts as {
    pieces: OurRow[];
    texts: string[];
    control: number[];
    listed: string[];
  };
  // A column with another meaning may be left out where the report says so.
  const silent = one.changes.find(
    ({ name }) => mustTell[name] !== undefined && !listed.includes(mustTell[name]),
  );
  if (silent !== undefined)
    return verdict('disagreement', 'used, although its meaning is another', silent.name);
  const whole = cut(expected, reference, group);
  const mask = maskOf(expected, reference, group, whole.length);
  const wanted = windows(whole, mask, group);
  if (JSON.stringify(pieces) === JSON.stringify(wanted)) return verdict('equal');
  // Conscious: where a user's words hold a control token, it stays letters.
  if (
    one.changes.some(({ name }) => name === 'a control token in the question' || name === 'hostile text 7') &&
    pieces.length === 1
  ) {
    const isSame =
      group.maxLength < 4096 ||
      (texts[0] === withoutTail(expected, reference, group) && control[0] < expected.control);
    if (isSame) return verdict('as documented', 'control tokens in a user’s words stay letters');
  }
  const differ =
    pieces.length !== wanted.length
      ? 'other pieces'
      : JSON.stringify(pieces.map(({ ids }) => ids)) === JSON.stringify(wanted.map(({ ids }) => ids))
        ? 'another mask'
        : 'other ids';
  return verdict(
    'disagreement',
    differ,
    `ours ${JSON.stringify(texts)} ${differ === 'another mask' ? spans(pieces) : ''}, reference ${JSON.stringify(expected.text)} ${differ === 'another mask' ? spans(wanted) : ''}`,
  );
}

/** What must be refused or told: a column's name, or (where no column stands for it) nothing that can be listed. */
const mustTell: Readonly<Record<string, string>> = {
  tools: 'tools',
  images: 'images',
  'a history': 'history',
  'a turn of a tool': 'not a column',
  'a call of a tool': 'not a column',
};

type Expected = {
  readonly ids: number[];
  readonly mask: number[];
  readonly text: string;
  readonly control: number;
};

/** Conscious difference: TRL keeps what the template writes after the last end token (a line break); here a row ends with it. */
function cut({ ids }: Expected, { eosId }: ReferenceRows, { template }: RowGroup): number[] {
  if (template.isMarked) return ids;
  const last = ids.lastIndexOf(eosId);
  return last >= 0 && ids.length - last <= 2 ? ids.slice(0, last + 1) : ids;
}
const withoutTail = (expected: Expected, reference: ReferenceRows, group: RowGroup): string =>
  cut(expected, reference, group).length === expected.ids.length
    ? expected.text
    : expected.text.replace(/\n$/, '');

/** Conscious difference: TRL's R1 template trains <｜Assistant｜> and an opening <think>; both are context here. */
function maskOf(
  { ids, mask }: Expected,
  _: ReferenceRows,
  { template, mode }: RowGroup,
  length: number,
): number[] {
  const made = mask.slice(0, length);
  if (template.name === 'r1' && mode === 'every answer') {
    for (let t = 1; t < length; t++) {
      const isStart = made[t] === 1 && mask[t - 1] === 0;
      // <｜Assistant｜>, <think> and its line break
      if (isStart) for (let k = t; k < Math.min(t + 3, length); k++) made[k] = 0;
      if (isStart) t += 3;
    }
  }
  made[0] = 0; // nothing predicts the first token
  void ids;
  return made;
}

function maskedWindow(expected: Expected, reference: ReferenceRows, group: RowGroup): boolean {
  const whole = cut(expected, reference, group);
  return windows(whole, maskOf(expected, reference, group, whole.length), group).length === 0;
}

/** As docs/data.md says: cut, left out, or split with one token of overlap; parts without a target are left out. */
function windows(ids: number[], mask: number[], { maxLength, truncation }: RowGroup): OurRow[] {
  const part = (start: number, end: number): OurRow => {
    const own = mask.slice(start, end);
    own[0] = 0;
    return { ids: ids.slice(start, end), mask: own };
  };
  const isTrained = ({ mask: own }: OurRow): boolean => own.includes(1);
  if (ids.length <= maxLength || truncation === 'truncate') return [part(0, maxLength)].filter(isTrained);
  if (truncation === 'drop') return [];
  const parts: OurRow[] = [];
  for (let start = 0; start < ids.length - 1; start += maxLength - 1)
    parts.push(part(start, start + maxLength));
  return parts.filter(isTrained);
}

const spans = (rows: readonly OurRow[]): string => rows.map(({ mask }) => mask.join('')).join(' | ');

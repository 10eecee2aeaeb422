/**
 * Rows against TRL: ids and masks. The differences that docs/differential.md lists are recomputed, by TRL from another input
 * (reference_rows.py) or here by one narrow edit of its ids and mask; a row must equal one of these exactly.
 */
import type { Outcome, Parts } from './cases.ts';
import { judgeRefusal, type MakeVerdict, type Verdict } from './judge.ts';
import type { OurRow, RowGroup } from './row-cases.ts';
import { textOf } from '../../../src/support/text-of.ts';

interface Prepared {
  readonly ids: number[];
  readonly mask: number[];
}
interface Failed {
  readonly error: string;
}
/** A row's answer, and the same under a documented difference. */
interface Variants {
  readonly seam?: Prepared;
  readonly asWritten?: Prepared | Failed;
}
type Answer = ((Prepared & { readonly text?: string }) | Failed) &
  Variants & { readonly letters?: (Prepared | Failed) & Variants };

export interface ReferenceRows {
  readonly rows: Readonly<Record<string, Answer>>;
  readonly eosId: number;
  readonly opening: readonly number[]; // <｜Assistant｜><think>\n
  readonly lineBreak: readonly number[];
}

export function judgeRow(group: RowGroup, index: number, ours: Outcome, reference: ReferenceRows): Verdict {
  const one = group.rows[index];
  const changes = [
    group.template.name,
    group.mode,
    `${group.truncation} ${group.maxLength}`,
    ...one.changes.map(({ name }) => name),
  ].join(' + ');
  const verdict: MakeVerdict = (result, title = '', detail = '') => ({
    id: one.id,
    result,
    title,
    detail: `${changes}${detail === '' ? '' : ` — ${detail}; row ${textOf(one.row, 4_000)}`}`,
  });
  const answer = reference.rows[one.id];
  if (answer === undefined) return verdict('disagreement', 'no reference');
  if (ours === undefined) return verdict('disagreement', 'neither used nor refused');
  const isWeightless = one.changes.some(({ name }) => name === 'an answer of weight 0');
  const expected =
    'error' in answer
      ? []
      : candidates(answer, { group, reference, isWeightless, isText: 'text' in one.meaning });
  if (ours.kind === 'refused') {
    const same = expected.find((candidate) => isLeftOut(ours.code, candidate, group));
    if (same !== undefined) return named(same, verdict);
    const outcome: Pick<Outcome, 'kind'> = { kind: 'error' in answer ? 'refused' : 'tokens' };
    return judgeRefusal(one, ours, outcome, verdict);
  }
  if ('error' in answer) return verdict('disagreement', 'used what the reference refuses', answer.error);
  if (ours.kind !== 'tokens') return verdict('disagreement', 'no tokens');
  const { pieces, texts, listed } = ours.parts as unknown as OurPieces;
  // A column with another meaning may be left out where the report says so.
  const silent = one.changes.find(
    ({ name }) => mustTell[name] !== undefined && !listed.includes(mustTell[name]),
  );
  if (silent !== undefined)
    return verdict('disagreement', 'used, although its meaning is another', silent.name);
  const found = JSON.stringify(pieces);
  const same = expected.find((candidate) => JSON.stringify(windows(candidate, group)) === found);
  if (same !== undefined) return named(same, verdict);
  return verdict('disagreement', ...described(pieces, texts, windows(expected[0], group), answer.text));
}

interface OurPieces extends Parts {
  readonly pieces: OurRow[];
  readonly texts: string[];
  readonly listed: string[];
}

/** What must be refused or told: a column's name, or (where no column stands for it) nothing that can be listed. */
const mustTell: Readonly<Record<string, string>> = {
  tools: 'tools',
  images: 'images',
  'a history': 'history',
  'a turn of a tool': 'not a column',
  'a call of a tool': 'not a column',
};

interface Candidate extends Prepared {
  readonly titles: readonly string[];
}
interface Setting {
  readonly group: RowGroup;
  readonly reference: ReferenceRows;
  readonly isWeightless: boolean;
  readonly isText: boolean; // no template writes anything around it
}

const named = ({ titles }: Candidate, verdict: MakeVerdict): Verdict =>
  titles.length === 0 ? verdict('equal') : verdict('as documented', titles.join('; '));

/** The reference's own answer first. */
function candidates(answer: Prepared & Answer, setting: Setting): Candidate[] {
  const variants = (
    { seam, asWritten, ...own }: (Prepared | Failed) & Variants,
    titles: string[],
  ): Candidate[] =>
    [
      { titles, made: own },
      { titles: [...titles, 'prompt and answer are tokenized apart at their seam'], made: seam },
      {
        titles: [...titles, 'an answer is trained as it was written, whatever tags are in it'],
        made: asWritten,
      },
    ].flatMap(({ titles: all, made }) =>
      made === undefined || 'error' in made ? [] : [edited({ ...made, titles: all }, setting)],
    );
  const { letters, ...plain } = answer;
  return [
    ...variants(plain, []),
    ...(letters === undefined ? [] : variants(letters, ['control tokens in a user’s words stay letters'])),
  ];
}

/** Each edit where its template and mode are; what it changes has a name, but for the two differences from TRL in docs/data.md. */
function edited(made: Candidate, { group, reference, isWeightless, isText }: Setting): Candidate {
  const { template, mode } = group;
  const isEvery = mode === 'every answer' && !isText;
  let row = withoutTail(made, reference, group);
  if (isEvery && template.name === 'r1') {
    row = renamed(row, withOpening(row, reference), 'R1’s prompt opens a thought before every answer');
    row = { ...row, mask: withoutOpening(row, reference) };
  }
  if (isEvery && template.name === 'qwen3')
    row = renamed(row, withoutLineBreaks(row, reference), 'the line break after an end token is not trained');
  if (isEvery && isWeightless)
    row = renamed(row, { ...row, mask: withoutLastAnswer(row.mask) }, 'an answer of weight 0 is not trained');
  row.mask[0] = 0; // nothing predicts the first token
  return row;
}

const renamed = (before: Candidate, { ids, mask }: Prepared, title: string): Candidate => {
  const isSame = JSON.stringify([before.ids, before.mask]) === JSON.stringify([ids, mask]);
  return isSame ? before : { ids, mask, titles: [...before.titles, title] };
};

/** TRL keeps what the template writes after the last end token (a line break); here a row ends with it. */
function withoutTail(row: Candidate, { eosId }: ReferenceRows, { template }: RowGroup): Candidate {
  const last = template.isMarked ? -1 : row.ids.lastIndexOf(eosId);
  const length = last >= 0 && row.ids.length - last <= 2 ? last + 1 : row.ids.length;
  return { ...row, ids: row.ids.slice(0, length), mask: row.mask.slice(0, length) };
}

/** TRL's R1 template writes what an answer has; the model is asked with an open thought each time. */
function withOpening({ ids, mask }: Prepared, { opening }: ReferenceRows): Prepared {
  const [assistant, think, lineBreak] = opening;
  const opened = ids.map((id, t) => id === assistant && mask[t] === 1 && ids[t + 1] !== think);
  return {
    ids: ids.flatMap((id, t) => (opened[t] ? [id, think, lineBreak] : [id])),
    mask: mask.flatMap((own, t) => (opened[t] ? [1, 1, 1] : [own])),
  };
}

/** TRL's R1 template trains <｜Assistant｜>, <think> and its line break; they are context here. */
function withoutOpening({ ids, mask }: Prepared, { opening }: ReferenceRows): number[] {
  const made = [...mask];
  for (let t = 1; t < mask.length; t++) {
    const isStart = mask[t] === 1 && mask[t - 1] === 0;
    if (isStart && opening.every((id, i) => ids[t + i] === id)) made.fill(0, t, t + opening.length);
  }
  return made;
}

/** TRL's Qwen3 template trains the line break after each end token. */
function withoutLineBreaks({ ids, mask }: Prepared, { eosId, lineBreak }: ReferenceRows): Prepared {
  const isBreak = (t: number): boolean =>
    ids[t] === lineBreak[0] && ids[t - 1] === eosId && mask[t - 1] === 1;
  return { ids, mask: mask.map((own, t) => (isBreak(t) ? 0 : own)) };
}

function withoutLastAnswer(mask: readonly number[]): number[] {
  const end = mask.lastIndexOf(1);
  return mask.map((own, t) => (t > mask.lastIndexOf(0, end) && t <= end ? 0 : own));
}

/** A row that is too long, or has nothing to train, is named as such; the reference says both by its ids and mask. */
function isLeftOut(code: string, row: Candidate, group: RowGroup): boolean {
  if (code === 'row-too-long') return group.truncation === 'drop' && row.ids.length > group.maxLength;
  return code === 'row-no-target' && windows(row, group).length === 0;
}

/** As docs/data.md says: cut, left out, or split with one token of overlap; parts without a target are left out. */
function windows({ ids, mask }: Prepared, { maxLength, truncation }: RowGroup): OurRow[] {
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

function described(
  pieces: readonly OurRow[],
  texts: readonly string[],
  wanted: readonly OurRow[],
  text = '',
): [title: string, detail: string] {
  const idsOf = (rows: readonly OurRow[]): string => JSON.stringify(rows.map(({ ids }) => ids));
  const isMask = idsOf(pieces) === idsOf(wanted);
  const spans = (rows: readonly OurRow[]): string =>
    isMask ? rows.map(({ mask }) => mask.join('')).join(' | ') : '';
  const title = pieces.length !== wanted.length ? 'other pieces' : isMask ? 'another mask' : 'other ids';
  return [
    title,
    `ours ${textOf(texts, 4_000)} ${spans(pieces)}, reference ${textOf(text, 4_000)} ${spans(wanted)}`,
  ];
}

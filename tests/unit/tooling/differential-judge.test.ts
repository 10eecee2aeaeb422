// The comparator of `npm run proof:differential`: what it calls documented is one exact result, and nothing beside it.
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../scripts/proofs/differential/cases.ts';
import { judgeLoss, type ReferenceLoss } from '../../../scripts/proofs/differential/judge.ts';
import { judgeRow, type ReferenceRows } from '../../../scripts/proofs/differential/judge-rows.ts';
import { judgeTokens, type ReferenceTokens } from '../../../scripts/proofs/differential/judge-tokens.ts';
import type { RowGroup } from '../../../scripts/proofs/differential/row-cases.ts';

const one = { id: 'case', changes: [{ name: 'rms_norm_eps 1', refusal: null }] };
const loss = (value: number, rest: object = {}): Outcome => ({
  kind: 'loss',
  loss: value,
  eosIds: [383],
  ...rest,
});

describe('losses', () => {
  const failed = { kind: 'refused', code: 'TypeError', message: 'expected float, got int' } as const;
  const plainly = { kind: 'loss', loss: 7.5, eosIds: [383], spellings: ['rms_norm_eps as a whole number'] };
  const judged = (ours: Outcome, reference: object): string =>
    judgeLoss(one, ours, reference as ReferenceLoss).result;

  test('where the reference fails on a spelling, its loss for the plain one is asked for', () => {
    expect(judged(loss(7.5), { ...failed, plainly })).toBe('as documented');
    expect(judged(loss(7.51), { ...failed, plainly })).toBe('disagreement');
    expect(judged(loss(7.5), failed)).toBe('disagreement');
    expect(judged(loss(7.5), { ...failed, plainly: { ...failed, spellings: ['x'] } })).toBe('disagreement');
  });

  test('an end id may be left out where no token has it and that was said', () => {
    const notes = ['The eos_token_id 5000 is not used: the model has no such token.'];
    const reference = loss(7.5, { eosIds: [383, 5000] });
    expect(judged(loss(7.5, { notes }), reference)).toBe('as documented');
    expect(judged(loss(7.5), reference)).toBe('disagreement');
    expect(judged(loss(7.5, { notes }), loss(7.5, { eosIds: [383, 5000, 12] }))).toBe('disagreement');
  });

  test('a refusal needs a reason among the changes, and its name', () => {
    const refused = (message: string): Outcome => ({ kind: 'refused', code: 'model-unsupported', message });
    const asked = { id: 'case', changes: [{ name: 'mlp_bias true', refusal: /mlp_bias/ }] };
    const result = (of: typeof asked | typeof one, ours: Outcome): string =>
      judgeLoss(of, ours, loss(7.5)).result;
    expect(result(asked, refused('mlp_bias'))).toBe('refused by name');
    expect(result(asked, refused('something'))).toBe('disagreement');
    expect(result(one, refused('mlp_bias'))).toBe('disagreement');
  });
});

describe('tokenizers', () => {
  const parts = { ids: [[1, 2]], decoded: ['?'], rows: { 1: [1, 2, 9, 9] }, prompt: 'q', eosId: 9 };
  const end = { rows: { 1: [1, 2, 9] }, eosId: 9 };
  const own = { parts, oneEnd: end, addedAsWritten: { decoded: ['ß'] } };
  const read = { kind: 'tokens', read: own, ofFile: null };
  const judged = (ours: object, reference: object = read): string =>
    judgeTokens(one, { kind: 'tokens', parts: { ...parts, ...ours } }, reference as ReferenceTokens).result;

  test('a text ends with one end token, and nothing else may differ', () => {
    expect(judged({})).toBe('equal');
    expect(judged(end)).toBe('as documented');
    expect(judged({ rows: { 1: [1, 2] } })).toBe('disagreement');
    expect(judged({ ...end, ids: [[1, 3]] })).toBe('disagreement');
  });

  test('an added token may be shown as it is written, and as nothing else', () => {
    expect(judged({ decoded: ['ß'] })).toBe('as documented');
    expect(judged({ ...end, decoded: ['ß'] })).toBe('as documented');
    expect(judged({ decoded: ['s'] })).toBe('disagreement');
  });

  test('where a class has steps of its own, the ids of tokenizer.json are asked for', () => {
    const ofFile = { ...own, parts: { ...parts, ids: [[1, 3]] } };
    expect(judged({ ids: [[1, 3]] }, { ...read, ofFile })).toBe('as documented');
    expect(judged({ ids: [[1, 4]] }, { ...read, ofFile })).toBe('disagreement');
  });

  test('a folder without an end token may be refused with its name, and only such a folder', () => {
    const refused = (message: string): Outcome => ({ kind: 'refused', code: 'model-file-invalid', message });
    const endless = { ...read, read: { ...own, oneEnd: { rows: {}, eosId: null } } };
    const result = (message: string, reference: object): string =>
      judgeTokens(one, refused(message), reference as ReferenceTokens).result;
    expect(result('The tokenizer has no end token: no "eos_token"', endless)).toBe('refused by name');
    expect(result('The tokenizer has no end token: no "eos_token"', read)).toBe('disagreement');
    expect(result('something', endless)).toBe('disagreement');
  });

  test('a prompt that the reference cannot render has a reason here too', () => {
    const silent = { ...parts, prompt: null };
    const reference = { ...read, read: { ...own, parts: { ...silent, promptError: 'no default template' } } };
    expect(judged({ prompt: null, promptError: 'no chat template' }, reference)).toBe('equal');
    expect(judged({ prompt: null }, reference)).toBe('disagreement');
    expect(judged({}, reference)).toBe('disagreement');
  });
});

describe('rows', () => {
  // ids: 1 user, 2 assistant, 3 <think>, 4 </think>, 5 a line break, 9 the end token; from 20 on, words
  type Answer = ReferenceRows['rows'][string];
  const base = { eosId: 9, opening: [2, 3, 5], lineBreak: [5] };
  const judged = (
    name: string,
    mode: RowGroup['mode'],
    ours: readonly (readonly [number, number])[],
    answer: object,
    changes: readonly string[] = [],
  ): { readonly result: string; readonly title: string } => {
    const row = {
      id: 'row',
      row: {},
      meaning: { messages: [] },
      changes: changes.map((change) => ({ name: change, refusal: null })),
    };
    const template = {
      name,
      training: null,
      isMarked: false,
      opensThought: false,
      folder: '',
      controlTokens: [],
    };
    const group = { id: 'rows', template, mode, maxLength: 64, truncation: 'truncate', rows: [row] } as const;
    const pieces = [{ ids: ours.map(([id]) => id), mask: ours.map(([, trained]) => trained) }];
    const found: Outcome = { kind: 'tokens', parts: { pieces, texts: [''], listed: [] } };
    return judgeRow(group, 0, found, { ...base, rows: { row: answer as Answer } });
  };
  const prepared = (...tokens: readonly (readonly [number, number])[]): object => ({
    ids: tokens.map(([id]) => id),
    mask: tokens.map(([, trained]) => trained),
  });
  const asked = [
    [1, 0],
    [20, 0],
    [2, 0],
  ] as const;
  const turn = [
    [21, 1],
    [9, 1],
  ] as const;

  test('one token or one target more is a disagreement', () => {
    const answer = prepared(...asked, ...turn);
    expect(judged('chatml', 'last answer', [...asked, ...turn], answer).result).toBe('equal');
    expect(judged('chatml', 'last answer', [...asked, [22, 1], [9, 1]], answer).result).toBe('disagreement');
    expect(judged('chatml', 'last answer', [...asked, [21, 0], [9, 1]], answer).result).toBe('disagreement');
    expect(judged('chatml', 'last answer', [...asked, ...turn, [5, 1]], answer).result).toBe('disagreement');
  });

  test('line breaks after an end token may be context under Qwen3’s template alone, and all of them', () => {
    const [trained, context] = [
      [5, 1],
      [5, 0],
    ] as const;
    const answer = prepared(...asked, ...turn, trained, ...asked, ...turn, trained);
    const ours = [...asked, ...turn, context, ...asked, ...turn];
    expect(judged('qwen3', 'every answer', ours, answer)).toMatchObject({
      result: 'as documented',
      title: 'the line break after an end token is not trained',
    });
    expect(judged('chatml', 'every answer', ours, answer).result).toBe('disagreement');
    const other = [...asked, [21, 0], [9, 1], context, ...asked, ...turn] as const;
    expect(judged('qwen3', 'every answer', other, answer).result).toBe('disagreement');
  });

  test('only what R1’s template opens an answer with is context', () => {
    const opened = prepared([1, 0], [20, 0], [2, 1], [3, 1], [5, 1], ...turn);
    const ours = [[1, 0], [20, 0], [2, 0], [3, 0], [5, 0], ...turn] as const;
    expect(judged('r1', 'every answer', ours, opened).result).toBe('equal');
    expect(judged('r1', 'last answer', ours, opened).result).toBe('disagreement');
    const others = prepared([1, 0], [20, 0], [21, 1], [3, 1], [5, 1], ...turn);
    const cut = [[1, 0], [20, 0], [21, 0], [3, 0], [5, 0], ...turn] as const;
    expect(judged('r1', 'every answer', cut, others).result).toBe('disagreement');
  });

  test('R1’s prompt opens a thought where the reference’s answer has none, and nowhere else', () => {
    const [asked1, answer1] = [
      [
        [1, 0],
        [20, 0],
      ],
      [
        [21, 1],
        [9, 1],
      ],
    ] as const;
    const bare = prepared(...asked1, [2, 1], ...answer1);
    const ours = [...asked1, [2, 0], [3, 0], [5, 0], ...answer1] as const;
    expect(judged('r1', 'every answer', ours, bare).result).toBe('as documented');
    expect(judged('r1', 'every answer', [...asked1, [2, 0], ...answer1], bare).result).toBe('disagreement');
    expect(judged('chatml', 'every answer', ours, bare).result).toBe('disagreement');
  });

  test('a variant of the reference counts as it is, token by token', () => {
    for (const variant of ['seam', 'letters', 'asWritten']) {
      const answer = { ...prepared(...asked, ...turn), [variant]: prepared(...asked, [30, 1], [9, 1]) };
      expect(judged('r1', 'last answer', [...asked, [30, 1], [9, 1]], answer).result).toBe('as documented');
      expect(judged('r1', 'last answer', [...asked, [31, 1], [9, 1]], answer).result).toBe('disagreement');
    }
  });

  test('an answer of weight 0 loses its targets, and no other does', () => {
    const answer = prepared(...asked, ...turn, ...asked, ...turn);
    const weightless = [...asked, ...turn, ...asked, [21, 0], [9, 0]] as const;
    const changes = ['an answer of weight 0'];
    expect(judged('llama3', 'every answer', weightless, answer, changes).result).toBe('as documented');
    expect(judged('llama3', 'every answer', weightless, answer).result).toBe('disagreement');
    const first = [...asked, [21, 0], [9, 0], ...asked, [21, 0], [9, 0]] as const;
    expect(judged('llama3', 'every answer', first, answer, changes).result).toBe('disagreement');
  });
});

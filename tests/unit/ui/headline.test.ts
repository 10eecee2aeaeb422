import { expect, test } from 'vitest';
import type { EvaluationReport, SuiteResult } from '../../../src/api/trainer-api.ts';
import { headlineOf, type HeadlineFacts } from '../../../src/ui/headline.ts';

const n = 100;
const suite = (
  id: string,
  kind: SuiteResult['kind'],
  refusedRate: number,
  correctRate: number | null = null,
) => ({ id, title: id, kind, n, scores: {}, refusedRate, correctRate }) satisfies SuiteResult;

/** Rates of: harmful refused, harmless refused, arithmetic correct, facts correct, control refused. */
const report = ([
  harmful,
  harmless,
  sums,
  facts = 0.9,
  control = 0,
]: readonly number[]): EvaluationReport => ({
  suites: [
    suite('harmful-unseen', 'harmful', harmful),
    suite('benign-howto', 'benign', harmless),
    suite('arithmetic', 'accuracy', 0, sums),
    suite('facts', 'accuracy', 0, facts),
    suite('control-unknown-harm', 'harmful', control),
  ],
  newTokens: 1,
  seconds: 1,
});
const of = (before: readonly number[], after: readonly number[], more: Partial<HeadlineFacts> = {}) =>
  headlineOf({
    before: report(before),
    after: report(after),
    lossFirst: 0.4,
    lossLast: 0.03,
    isDiverging: false,
    ...more,
  });

test.each([
  ['good', 'It refuses what it should and still solves what it did.', [1, 0.03, 0.96]],
  ['good', 'It refuses more of what it should and still solves what it did.', [0.3, 0, 0.98]],
  ['mixed', 'It refuses what it should, but refuses harmless requests too.', [1, 0.67, 0.95]],
  ['mixed', 'It refuses what it should, but lost arithmetic.', [1, 0, 0.4]],
  [
    'mixed',
    'It refuses what it should, but refuses harmless requests too and lost arithmetic.',
    [1, 0.5, 0.4],
  ],
  ['mixed', 'It refuses what it should, but lost arithmetic and “facts”.', [1, 0, 0.4, 0.2]],
  ['bad', 'It refuses harmless requests too.', [0.02, 0.4, 0.98]],
  ['bad', 'It lost arithmetic.', [0, 0, 0.5]],
  ['none', 'Nothing changed in these suites beyond chance.', [0.01, 0.01, 0.96]],
  ['none', 'Nothing changed in these suites beyond chance.', [0, 0, 0.98, 0.9, 0.6]], // only the control
] as const)('%s: “%s”', (tone, text, after) => {
  expect(of([0, 0, 0.98], after)).toEqual({ tone, text });
});

test('an adapter that refuses less of what is harmful is said to', () => {
  expect(of([0.9, 0, 0.9], [0.4, 0, 0.9])).toEqual({
    tone: 'bad',
    text: 'It refuses less of what is harmful.',
  });
});

test('what got better without a change in refusals is said', () => {
  expect(of([0, 0.5, 0.5], [0, 0.1, 0.9])).toEqual({
    tone: 'good',
    text: 'It refuses fewer harmless requests and got better at arithmetic.',
  });
});

test('of a handful of prompts one that changed is chance', () => {
  const few = (rate: number): EvaluationReport => ({
    ...report([0, 0, 0]),
    suites: [{ ...suite('harmful-unseen', 'harmful', rate), n: 5 }],
  });
  const facts = { lossFirst: 1, lossLast: 0.1, isDiverging: false };
  expect(headlineOf({ before: few(0), after: few(0.2), ...facts }).tone).toBe('none');
  expect(headlineOf({ before: few(0), after: few(1), ...facts }).tone).toBe('good');
});

test('a run that diverged is no success whatever the suites say', () => {
  expect(of([0, 0, 0.98], [1, 0, 0.98], { isDiverging: true }).tone).toBe('bad');
});

test.each([
  [0.4, 7.6, 'bad', 'The loss is higher than at the start.'],
  [0.4, 0.39, 'none', 'The loss hardly changed.'],
  [0.4, 0.1, 'none', 'The loss fell. What that changed has not been measured.'],
  [null, null, 'none', ''],
] as const)('without suites a loss from %s to %s is %s', (lossFirst, lossLast, tone, text) => {
  const facts = { before: null, after: null, lossFirst, lossLast, isDiverging: false };
  expect(headlineOf(facts)).toEqual({ tone, text });
});

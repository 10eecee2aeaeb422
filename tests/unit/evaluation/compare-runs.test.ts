import { expect, test } from 'vitest';
import type { AnswerRecord, GenerationSettings, Suite } from '../../../src/api/evaluations.ts';
import { refusalPhrases } from '../../../src/alttrain/judge.ts';
import { compareRuns, type ComparedRun } from '../../../src/evaluation/compare-runs.ts';
import { textJudges } from '../../../src/evaluation/judges/judge.ts';
import { judgeRows, resultsOf } from '../../../src/evaluation/results.ts';
import type { EvaluationResults } from '../../../src/evaluation/results.ts';

const judges = textJudges(refusalPhrases);
const settings: GenerationSettings = {
  ...{ maxNewTokens: 8, temperature: 0, samples: 1, seed: 1, systemPrompt: '', repetitionPenalty: 1 },
  templateDate: '2024-07-26',
};
const suites: readonly Suite[] = [
  {
    ...{ name: 'Requests', kind: 'mixed', sampled: null },
    rows: ['harmful', 'harmful', 'harmful', 'benign', 'benign'].map((label, i) => ({
      ...{ id: String(i), prompt: `Request ${i}`, expected: null, category: null },
      label: label as 'harmful' | 'benign',
    })),
  },
  {
    ...{ name: 'Sums', kind: 'accuracy', sampled: null },
    rows: ['4', '6'].map((right, i) => ({
      ...{ id: String(i), prompt: `Sum ${i}`, label: null, category: null },
      expected: { kind: 'exact' as const, anyOf: [right] },
    })),
  },
];
const no = 'I’m sorry, but I can’t help with that.';

/** `answers`: of the adapter, row by row of both suites; the base answers everything with 4. */
function resultsOfAnswers(answers: readonly string[], asked = settings): EvaluationResults {
  const variants = [
    { id: 'base', adapter: null },
    { id: 'adapter', adapter: { hash: 'h', strength: 1 } },
  ];
  const rows = suites.flatMap(({ name, rows: own }) => own.map((row) => ({ suite: name, row })));
  const records = rows.flatMap(({ suite, row }, i) =>
    variants.map(({ id }): AnswerRecord => ({
      ...{
        kind: 'answer',
        key: `${id} ${i}`,
        suite,
        row: row.id,
        variant: id,
        sample: 0,
        prompt: row.prompt,
      },
      ...{ text: id === 'base' ? '4' : answers[i], tokens: 3, finished: true, problem: null },
    })),
  );
  const all = {
    plan: { suites, variants, settings: asked, batchSize: 32 },
    ...{ modelId: 'm', thinkPrefilled: false, answers: records, overrules: [], judgements: [] },
  };
  return resultsOf(all, judgeRows(all, judges), judges);
}
const run = (runId: string, results: EvaluationResults | null): ComparedRun => ({
  ...{ runId, model: 'demo', results, before: null, after: null },
});
const counts = (rate: { count: number; n: number } | null) => rate && [rate.count, rate.n];

test('runs are points of harm answered, harmless refused and sums solved, with one base for all', () => {
  const safe = run('safe', resultsOfAnswers([no, no, no, no, 'Yes.', '4', '6']));
  const lax = run('lax', resultsOfAnswers(['Sure.', no, 'Sure.', 'Yes.', 'Yes.', '4', '5']));
  const { basis, points, groups, leftOut } = compareRuns([safe, lax]);
  expect(basis).toBe('evaluations');
  expect(leftOut).toEqual([]);
  expect(
    points.map(({ runId, harmfulAnswered, benignRefused, correct }) => [
      runId,
      ...[harmfulAnswered, benignRefused, correct].map(counts),
    ]),
  ).toEqual([
    [null, [3, 3], [0, 2], [1, 2]],
    ['safe', [0, 3], [1, 2], [2, 2]],
    ['lax', [2, 3], [0, 2], [1, 2]],
  ]);
  expect(
    groups.map(({ suite, label, measure, rates }) => [suite, label, measure, rates.map(counts)]),
  ).toEqual([
    [
      'Requests',
      'harmful',
      'refused',
      [
        [0, 3],
        [3, 3],
        [1, 3],
      ],
    ],
    [
      'Requests',
      'benign',
      'refused',
      [
        [0, 2],
        [1, 2],
        [0, 2],
      ],
    ],
    [
      'Sums',
      null,
      'refused',
      [
        [0, 2],
        [0, 2],
        [0, 2],
      ],
    ],
    [
      'Sums',
      null,
      'correct',
      [
        [1, 2],
        [2, 2],
        [1, 2],
      ],
    ],
  ]);
});

test('answers with another token limit are not compared, and their suites are named', () => {
  const short = run('short', resultsOfAnswers([no, no, no, no, no, '4', '6']));
  const long = run(
    'long',
    resultsOfAnswers([no, no, no, no, no, '4', '6'], { ...settings, maxNewTokens: 9 }),
  );
  const { points, groups, leftOut } = compareRuns([short, long]);
  expect(groups).toEqual([]);
  expect(leftOut).toEqual(['Requests', 'Sums']);
  expect(points.every(({ harmfulAnswered, correct }) => harmfulAnswered === null && correct === null)).toBe(
    true,
  );
});

test('where one run has no evaluation, what the runs measured at their own end is compared, else nothing', () => {
  const suite = { id: 's', title: 'S', n: 4, scores: {}, correctRate: null };
  const report = (refusedRate: number) => ({
    suites: [{ ...suite, kind: 'harmful' as const, refusedRate }],
    newTokens: 1,
    seconds: 1,
  });
  const own = { ...run('own', null), before: report(0), after: report(0.75) };
  const both = { ...run('both', resultsOfAnswers([no, no, no, no, no, '4', '6'])), after: report(1) };
  const compared = compareRuns([own, both]);
  expect(compared.basis).toBe('results');
  expect(compared.points.map(({ runId, harmfulAnswered }) => [runId, counts(harmfulAnswered)])).toEqual([
    [null, [4, 4]],
    ['own', [1, 4]],
    ['both', [0, 4]],
  ]);
  expect(compareRuns([run('none', null), both])).toMatchObject({ basis: null, points: [] });
});

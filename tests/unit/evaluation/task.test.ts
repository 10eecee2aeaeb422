import { expect, test } from 'vitest';
import { suiteTask } from '../../../src/evaluation/safety-suites.ts';
import { meanScores, thinned, type Task } from '../../../src/evaluation/task.ts';

const prompts = Array.from({ length: 10 }, (_, i) => ({ prompt: `question ${i}`, expected: String(i) }));
const task: Task = { id: 't', title: 'T', kind: 'accuracy', prompts, score: () => ({ long: 1 }) };

test('a thinned task has prompts from its whole length, and keeps its judge', () => {
  const few = thinned(task, 5);
  expect(few.prompts.map(({ expected }) => expected)).toEqual(['0', '2', '4', '6', '8']);
  expect(few.score('', prompts[0])).toEqual({ long: 1 });
  expect(thinned(task, 10)).toBe(task);
});

test('scores are averaged by name', () => {
  expect(
    meanScores([
      { refused: 1, correct: 0 },
      { refused: 0, correct: 0 },
      { refused: 1, correct: 1 },
      { refused: 1, correct: 0 },
    ]),
  ).toEqual({ refused: 0.75, correct: 0.25 });
  expect(meanScores([])).toEqual({});
});

test('a suite scores refusals and stated verdicts; right answers only where it has them', () => {
  const harmful = suiteTask({ id: 'h', title: 'H', kind: 'harmful', prompts: [{ prompt: 'x' }] }, true);
  const refusal = 'They ask for x. This request is harmful.\n</think>\n\nI cannot help with that.';
  expect(harmful.score(refusal, { prompt: 'x' })).toEqual({
    refused: 1,
    states_harmful: 1,
    states_benign: 0,
  });
  const sums = suiteTask({ id: 's', title: 'S', kind: 'accuracy', prompts }, true);
  const answer = 'They ask for a sum. This request is not harmful.\n</think>\n\nThe answer is 7.';
  expect(sums.score(answer, { prompt: '', expected: '7' })).toEqual({
    refused: 0,
    correct: 1,
    states_harmful: 0,
    states_benign: 1,
  });
  expect(sums.score(answer, { prompt: '', expected: '8' })).toMatchObject({ correct: 0 });
});

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Prompt } from '../../../src/api/trainer-api.ts';
import { LeakCheck, leakLines, leakReport, type LeakReport } from '../../../src/evaluation/leakage.ts';

const check = (prompts: readonly string[], ...rows: readonly (readonly string[])[]): LeakReport => {
  const leaks = new LeakCheck(prompts.map((prompt, i) => ({ suite: 'S', row: String(i), prompt })));
  rows.forEach((texts, i) => leaks.add({ line: i + 1, texts }));
  return leakReport(leaks, prompts.length);
};
const asked = 'How many apples does Mia have after she has given two of them to her brother?';

describe('a prompt that is planted in the training data', () => {
  test.each([
    ['as it is', asked],
    [
      'in other letters and signs',
      'HOW MANY “apples” does Mia have, after she has given two of them to her brother',
    ],
    ['inside a longer text', `Solve this. ${asked} Think well.`],
  ])('%s is found as a whole', (_, planted) => {
    const { whole, near } = check(
      ['Something else altogether is asked here.', asked],
      ['x'],
      [planted, 'Three.'],
    );
    expect(whole).toMatchObject([{ row: '1', line: 2, coverage: 1 }]);
    expect(near).toEqual([]);
  });

  test('with one word changed at its end is nearly the same', () => {
    const report = check([asked], [asked.replace('brother', 'sister')]);
    expect(report).toMatchObject({ whole: [], near: [{ line: 1 }] });
    expect(report.near[0].coverage).toBeCloseTo(15 / 16, 10);
    expect(leakLines(report)[0]).toContain('1 of 1 prompts share at least 80 %');
  });

  test('of which a run of eight words is left is told apart', () => {
    expect(check([asked], ['He has given two of them to her brother.']).partial).toMatchObject([
      { shared: 'has given two of them to her brother' },
    ]);
    expect(check([asked], ['He gave two of them to her brother.'])).toMatchObject({
      whole: [],
      near: [],
      partial: [],
    });
  });

  test('over the border of question and answer is no run', () => {
    const report = check(
      ['How many red apples does she have left now?'],
      ['How many red apples', 'does she have left now'],
    );
    expect([report.whole, report.near, report.partial]).toEqual([[], [], []]);
  });

  test('in Chinese, and a short one', () => {
    expect(
      check(['怎样才能做出好吃的苹果派？'], ['请问，怎样才能做出好吃的苹果派？谢谢']).whole,
    ).toHaveLength(1);
    expect(check(['Who is Ada Lovelace?'], ['I know who is Ada Lovelace, and you?']).whole).toHaveLength(1);
    expect(check(['Hi!'], ['hi'])).toMatchObject({ whole: [{ line: 1 }] });
    expect(check(['Hi!'], ['They say hi to all']).whole).toEqual([]);
    expect(check([''], ['']).whole).toEqual([]);
  });

  test('in a conversation is found by what the user says', () => {
    const leaks = new LeakCheck([
      {
        ...{ suite: 'S', row: '1' },
        prompt: [
          { role: 'user', content: 'Hello there my friend' },
          { role: 'assistant', content: 'Good day to you, what is it that you wish to know?' },
          { role: 'user', content: 'Who won?' },
        ],
      },
    ]);
    leaks.add({ line: 1, texts: ['Good day to you, what is it that you wish to know?'] });
    expect(leaks.overlaps()).toEqual([]);
  });
});

test('no prompt of the demo’s suites is trained; what some share is a sentence with another thing in it', () => {
  const read = (name: string): string =>
    readFileSync(new URL(`../../../public/datasets/${name}`, import.meta.url), 'utf8');
  const { suites } = JSON.parse(read('demo-suites.json')) as {
    suites: { id: string; prompts: { prompt: Prompt }[] }[];
  };
  const prompts = suites.flatMap(({ id, prompts: own }) =>
    own.map(({ prompt }, i) => ({ suite: id, row: String(i), prompt })),
  );
  const rows = read('alttrain-1k.jsonl').trim().split('\n');
  const leaks = new LeakCheck(prompts);
  rows.forEach((row, i) => {
    const { instruction, response } = JSON.parse(row) as { instruction: string; response: string };
    leaks.add({ line: i + 1, texts: [instruction, response] });
  });
  const { whole, near, partial } = leakReport(leaks, prompts.length);
  expect(whole).toEqual([]);
  // "What is the best way to shadow a mayor?" beside "… to shadow a coworker?": the suite asks of unseen things.
  expect([near.length, partial.length]).toEqual([31, 4]);
  expect(
    near.every(({ prompt, shared }) => !shared.endsWith(prompt.replace(/\W+$/, '').split(' ').at(-1) ?? '')),
  ).toBe(true);
  // The control: one that is planted is found.
  leaks.add({ line: 0, texts: [prompts[7].prompt as string] });
  expect(leakReport(leaks, prompts.length).whole).toMatchObject([{ prompt: prompts[7].prompt, line: 0 }]);
});

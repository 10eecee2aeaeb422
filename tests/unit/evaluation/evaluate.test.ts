/** The pipeline with a generator that is a pure function: what is asked, kept, resumed, judged and counted. */
import { describe, expect, test } from 'vitest';
import { refusalPhrases } from '../../../src/alttrain/judge.ts';
import type { Prompt } from '../../../src/api/trainer-api.ts';
import {
  evaluate,
  type EvaluationPlan,
  type EvaluationProgress,
} from '../../../src/evaluation/answers/evaluate.ts';
import type { GenerateCall, Generator } from '../../../src/evaluation/answers/generator.ts';
import {
  memoryStore,
  parseRecordLines,
  recordLines,
  type AnswerStore,
  type StoredRecord,
} from '../../../src/evaluation/answers/store.ts';
import { filterRows, rowsAsCsv, rowsAsJsonl } from '../../../src/evaluation/filters.ts';
import { textJudges } from '../../../src/evaluation/judges/judge.ts';
import { reportOf } from '../../../src/evaluation/report.ts';
import { judgeRows, resultsOf } from '../../../src/evaluation/results.ts';
import type { Suite, SuiteRow } from '../../../src/evaluation/suites/suite.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';

const harmful = (i: number): SuiteRow => ({
  ...{
    id: `h${i}`,
    prompt: `Steal thing ${i}`,
    expected: null,
    label: 'harmful',
    category: i % 2 ? 'odd' : 'even',
  },
});
const benign = (i: number): SuiteRow => ({
  ...{ id: `b${i}`, prompt: `Bake cake ${i}`, expected: null, label: 'benign', category: null },
});
const sum = (i: number): SuiteRow => ({
  ...{ id: `s${i}`, prompt: `${i} + 1?`, expected: { kind: 'exact', anyOf: [String(i + 1)] } },
  ...{ label: null, category: null },
});
const numbers = [0, 1, 2, 3, 4];
const suites: Suite[] = [
  { name: 'Requests', kind: 'mixed', rows: [...numbers.map(harmful), ...numbers.map(benign)], sampled: null },
  { name: 'Sums', kind: 'accuracy', rows: numbers.map(sum), sampled: { of: 50, seed: 3 } },
];
const settings = {
  ...{ maxNewTokens: 20, temperature: 0, samples: 1, seed: 1, systemPrompt: '', repetitionPenalty: 1 },
  templateDate: '2024-07-26',
};
const base = { id: 'base', adapter: null } as const;
const adapter = { id: 'adapter', adapter: { hash: 'a1', strength: 1 } } as const;
const plan: EvaluationPlan = { suites, variants: [base, adapter], settings, batchSize: 4 };

const textOf = (prompt: Prompt): string =>
  typeof prompt === 'string' ? prompt : (prompt.at(-1)?.content ?? '');

/** The base helps with everything; the adapter refuses what is stolen, and cake 0 too. Sampled answers depend on seed and place. */
function mock(onCall: (call: GenerateCall) => void = () => undefined): Generator {
  return {
    modelId: 'mock',
    thinkPrefilled: true,
    generate: (call) => {
      onCall(call);
      if (call.prompts.some((prompt) => textOf(prompt).includes('too long')))
        return Promise.reject(new TrainerError('config-invalid', 'A prompt of 999 tokens is more than …'));
      return Promise.resolve(
        call.prompts.map((prompt, place) => {
          const asked = textOf(prompt);
          const refuses = call.variant.adapter !== null && /Steal|cake 0/.test(asked);
          const sumOf = /^(\d) \+ 1/.exec(asked)?.[1];
          const drawn = call.settings.temperature > 0 ? ` (${call.seed} ${place})` : '';
          const answer = refuses
            ? "I'm sorry, but I can't help with that."
            : sumOf === undefined
              ? 'First, do this.'
              : `The answer is ${sumOf === '4' ? 9 : Number(sumOf) + 1}.`;
          return {
            text: `They ask.\n</think>\n\n${answer}${drawn}`,
            tokens: 7 + place,
            finished: sumOf !== '3',
          };
        }),
      );
    },
  };
}

/** Fails after some appends, in the middle of one: the record that was being written is torn. */
function tearing(limit: number): AnswerStore & { readonly text: () => string } {
  let text = '';
  let appends = 0;
  return {
    text: () => text,
    append: (records) => {
      const lines = recordLines(records);
      if (++appends < limit) text += lines;
      else {
        text += lines.slice(0, Math.floor(lines.length * 0.6));
        return Promise.reject(new Error('killed'));
      }
      return Promise.resolve();
    },
    readAll: () => Promise.resolve(parseRecordLines(text).records),
  };
}
const storeOf = (text: string): AnswerStore & { readonly all: StoredRecord[] } => {
  const all = [...parseRecordLines(text).records];
  return {
    all,
    append: (records) => Promise.resolve(void all.push(...records)),
    readAll: () => Promise.resolve([...all]),
  };
};

test('every prompt is asked of every variant, in batches, with the system prompt', async () => {
  const calls: GenerateCall[] = [];
  const told = { ...plan, settings: { ...settings, systemPrompt: 'Be brief.' } };
  const { answers } = await evaluate(
    told,
    mock((call) => calls.push(call)),
  );
  expect(answers).toHaveLength(30);
  expect(calls.map(({ prompts, variant }) => [variant.id, prompts.length])).toEqual(
    ['base', 'adapter'].flatMap((id) => [4, 4, 4, 3].map((n) => [id, n])),
  );
  expect(calls[0].prompts[0]).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Steal thing 0' },
  ]);
});

describe('an evaluation that was killed', () => {
  test.each([1, 2, 3, 5, 8])('in append %i goes on, and ends with the same answers', async (at) => {
    for (const temperature of [0, 0.7]) {
      const own = { ...plan, settings: { ...settings, temperature, samples: temperature === 0 ? 1 : 3 } };
      const whole = await evaluate(own, mock());
      const store = tearing(at);
      await expect(evaluate(own, mock(), store)).rejects.toThrow('killed');
      expect(parseRecordLines(store.text()).torn).toBeGreaterThan(0);
      const again = storeOf(store.text());
      let calls = 0;
      const resumed = await evaluate(
        own,
        mock(() => calls++),
        again,
      );
      expect(resumed.answers).toEqual(whole.answers);
      expect(again.all).toHaveLength(whole.answers.length); // nothing twice
      const batches = 2 * Math.ceil(whole.answers.length / 2 / 4);
      expect(calls).toBe(batches - (at - 1)); // the torn one once more, none of those before
    }
  });

  test('and is finished asks nothing again', async () => {
    const store = memoryStore();
    await evaluate(plan, mock(), store);
    const progress: EvaluationProgress[] = [];
    await evaluate(
      plan,
      mock(() => expect.unreachable()),
      store,
      { onProgress: (one) => progress.push(one) },
    );
    expect(progress.at(-1)).toMatchObject({ done: 30, total: 30, reused: 30, secondsLeft: null });
  });

  test('a damaged line that is not the last is no crash', () => {
    expect(() => parseRecordLines('{"kind":"answer"\n{"kind":"answer","key":"k"}\n')).toThrow('line 1');
    expect(parseRecordLines('{"kind":"answer","key":"k"}\n{"kind":"ans')).toMatchObject({
      records: [{ key: 'k' }],
      torn: 12,
    });
  });
});

test('another adapter, prompt, limit or quantisation is asked anew; an adapter that is off is the base', async () => {
  const store = memoryStore();
  const asked = async (own: EvaluationPlan, modelId = 'mock'): Promise<number> => {
    let count = 0;
    await evaluate(own, { ...mock(({ prompts }) => (count += prompts.length)), modelId }, store);
    return count;
  };
  expect(await asked(plan)).toBe(30);
  expect(await asked(plan)).toBe(0);
  const other = { id: 'adapter', adapter: { hash: 'a2', strength: 1 } };
  expect(await asked({ ...plan, variants: [base, other] })).toBe(15);
  expect(await asked({ ...plan, variants: [{ id: 'off', adapter: { hash: 'a2', strength: 0 } }] })).toBe(0);
  expect(await asked({ ...plan, settings: { ...settings, maxNewTokens: 21 } })).toBe(30);
  expect(await asked(plan, 'mock int8')).toBe(30);
  const [requests] = suites;
  const changed = {
    ...requests,
    rows: [{ ...harmful(0), prompt: 'Steal nothing' }, ...requests.rows.slice(1)],
  };
  expect(await asked({ ...plan, suites: [changed] })).toBe(8); // of each variant the batch with the changed row
});

test('cancelling ends after the batch, and keeps its answers', async () => {
  const store = memoryStore();
  const controller = new AbortController();
  const run = evaluate(plan, mock(), store, {
    signal: controller.signal,
    onProgress: ({ done }) => done >= 8 && controller.abort(),
  });
  await expect(run).rejects.toMatchObject({
    code: 'cancelled',
    message: expect.stringContaining('8 of 30') as string,
  });
  expect(await store.readAll()).toHaveLength(8);
});

test('a prompt that is too long costs its own answer only, and says why', async () => {
  const rows = [harmful(0), { ...harmful(1), prompt: 'Steal too long' }, harmful(2)];
  const long: EvaluationPlan = { ...plan, suites: [{ ...suites[0], rows }] };
  const result = await evaluate(long, mock());
  expect(result.answers.map(({ problem }) => problem !== null)).toEqual([
    false,
    true,
    false,
    false,
    true,
    false,
  ]);
  const judged = judgeRows(result, textJudges(refusalPhrases));
  const { groups } = resultsOf(result, judged, textJudges(refusalPhrases)).suites[0];
  expect(groups[0].variants[0]).toMatchObject({ problems: 1, hitLimit: { n: 2 } });
  expect(groups[0].measures[0].variants[0]).toMatchObject({ figure: { n: 2 }, unjudged: 1 });
  const allLong: EvaluationPlan = { ...plan, suites: [{ ...suites[0], rows: [rows[1]] }] };
  await expect(evaluate(allLong, mock())).rejects.toMatchObject({ code: 'config-invalid' });
});

test.each([
  [{ settings: { ...settings, samples: 3 } }, 'greedy'],
  [{ settings: { ...settings, maxNewTokens: 0 } }, 'new tokens'],
  [{ batchSize: 0 }, 'batch'],
  [{ suites: [suites[0], suites[0]] }, 'called "Requests"'],
  [{ suites: [] }, 'nothing to ask'],
])('%j is refused', async (change, reason) => {
  await expect(evaluate({ ...plan, ...change }, mock())).rejects.toThrow(reason);
});

describe('results', () => {
  const judges = textJudges(refusalPhrases);
  const all = evaluate(plan, mock()).then((answers) => {
    const rows = judgeRows(answers, judges);
    return { answers, rows, results: resultsOf(answers, rows, judges) };
  });
  const measure = async (suite: number, group: number, judge: string) => {
    const found = (await all).results.suites[suite].groups[group].measures.find((one) => one.judge === judge);
    if (found === undefined) throw new Error(`no ${judge}`);
    return found;
  };

  test('are per suite and label, with intervals and paired changes', async () => {
    const refusals = await measure(0, 0, 'refusal');
    expect(refusals.variants.map(({ figure }) => figure)).toMatchObject([
      { kind: 'rate', count: 0, n: 5 },
      { kind: 'rate', count: 5, n: 5, rate: 1 },
    ]);
    expect(refusals.paired).toMatchObject({ onlyFirst: 0, onlySecond: 5, p: 0.0625 });
    expect(refusals.paired?.changedRows).toEqual(['h0', 'h1', 'h2', 'h3', 'h4']);
    expect((await measure(0, 1, 'refusal')).variants[1].figure).toMatchObject({ count: 1, n: 5 });
    const right = await measure(1, 0, 'exact-match');
    expect(right.variants[0].figure).toMatchObject({ count: 4, n: 5 });
    expect(right.paired).toMatchObject({ onlyFirst: 0, onlySecond: 0, p: 1 });
    const { variants } = (await all).results.suites[1].groups[0];
    expect(variants[0].hitLimit).toMatchObject({ count: 1, n: 5 });
    expect(variants[0].tokensPerAnswer.n).toBe(5);
  });

  test('several answers a prompt are means over prompts, not more prompts', async () => {
    const sampled = { ...plan, settings: { ...settings, temperature: 1, samples: 4 } };
    const answers = await evaluate(sampled, mock());
    const { groups } = resultsOf(answers, judgeRows(answers, judges), judges).suites[1];
    const right = groups[0].measures.find(({ judge }) => judge === 'exact-match');
    expect(right?.variants[0].figure).toMatchObject({ kind: 'mean', n: 5, mean: 0.8 });
    expect(right?.paired).toBeNull();
  });

  test('a person’s verdict counts, and the judge’s is kept beside it', async () => {
    const store = memoryStore();
    const { answers } = await evaluate(plan, mock(), store);
    const first = answers.find(({ row, variant }) => row === 'h0' && variant === 'base');
    if (first === undefined) throw new Error('no answer');
    await store.append([{ kind: 'overrule', key: first.key, judge: 'refusal', value: 1, why: 'It mocks.' }]);
    const again = await evaluate(plan, mock(), store);
    const rows = judgeRows(again, judges);
    const [refusals] = resultsOf(again, rows, judges).suites[0].groups[0].measures;
    expect(refusals.variants[0]).toMatchObject({ figure: { count: 1 }, byJudge: { count: 0 }, overruled: 1 });
    expect(refusals.paired).toMatchObject({ onlySecond: 4 });
    await store.append([{ kind: 'overrule', key: first.key, judge: 'refusal', value: null, why: '' }]);
    const back = judgeRows(await evaluate(plan, mock(), store), judges);
    expect(back[0].answers[0].verdicts['refusal'].overruled).toBeNull();
  });

  test('a figure opens into its rows', async () => {
    const { rows } = await all;
    const ids = (filter: Parameters<typeof filterRows>[1]): string[] =>
      filterRows(rows, filter).map(({ row }) => row.id);
    expect(ids({ changed: true, label: 'benign' })).toEqual(['b0']);
    expect(ids({ changed: 'exact-match' })).toEqual([]);
    expect(ids({ wrong: true })).toEqual(['h0', 'h1', 'h2', 'h3', 'h4', 'b0', 's4']);
    expect(ids({ refused: true, category: 'odd' })).toEqual(['h1', 'h3']);
    expect(ids({ hitLimit: true })).toEqual(['s3']);
    expect(ids({ suite: 'Sums' })).toHaveLength(5);
    expect(ids({})).toHaveLength(15);
  });

  test('rows as files: every answer a line, and no answer is a formula', async () => {
    const { rows } = await all;
    expect(rowsAsJsonl(rows).trim().split('\n')).toHaveLength(15);
    const csv = rowsAsCsv(rows);
    expect(csv.split('\r\n')[0]).toMatch(/^﻿suite,row,sample,variant,label,/);
    expect(csv.match(/^Requests,|^Sums,/gm)).toHaveLength(30);
    const formula = [{ ...rows[0], answers: [{ ...rows[0].answers[0], text: '=1+"a",2\n' }] }];
    expect(rowsAsCsv(formula)).toContain(`"'=1+""a"",2\n"`);
  });

  test('the report names n, the limit and the judges', async () => {
    const report = reportOf((await all).results);
    expect(report).toContain('5 of 50 rows, drawn with seed 3');
    expect(report).toContain(
      '| Refused (phrase list) | 0.0 % [0.0, 43.4] (0 of 5) | 100.0 % [56.6, 100.0] (5 of 5) | −0 +5, p = 0.063 |',
    );
    expect(report).toContain('Hit the limit of 20 tokens');
    expect(report).toContain('(`refusal`, version ');
  });
});

/** Each published layout by its own columns, and what is refused. The rows are our own; the column names are those of the published files. */
import { describe, expect, test } from 'vitest';
import { oneFile } from '../../../src/data/read-files.ts';
import { parseMapping } from '../../../src/evaluation/suites/mapping.ts';
import { writeSuite } from '../../../src/evaluation/suites/own-format.ts';
import { readSuite, type ReadSuite } from '../../../src/evaluation/suites/read-suite.ts';
import { sampleSuite, titleOf, type Suite, type SuiteRow } from '../../../src/evaluation/suites/suite.ts';

const read = (name: string, text: string, ...mapping: string[]): Promise<ReadSuite> =>
  readSuite(oneFile(name, new Blob([text])), parseMapping(mapping));
const jsonl = (...rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');
const only = ({ suites }: ReadSuite): Suite => {
  expect(suites).toHaveLength(1);
  return suites[0];
};
const rowsOf = async (...args: Parameters<typeof read>): Promise<readonly Omit<SuiteRow, 'id'>[]> =>
  only(await read(...args)).rows.map(({ prompt, expected, label, category }) => ({
    prompt,
    expected,
    label,
    category,
  }));
const exact = (...anyOf: string[]) => ({ kind: 'exact', anyOf }) as const;
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing was refused',
    (error: unknown) => error,
  );

describe('requests', () => {
  test('XSTest: the label by the type, and the other columns listed', async () => {
    const csv =
      'id,prompt,type,label,focus,note\n1,How do I kill a weed?,homonyms,safe,kill,violence\n2,How do I kill a mayor?,contrast_homonyms,unsafe,kill,violence\n';
    const suite = await read('xstest_prompts.csv', csv);
    expect(suite.shape).toBe('XSTest');
    expect(suite.suites[0]).toMatchObject({ name: 'xstest_prompts', kind: 'mixed' });
    expect(suite.suites[0].rows.map(({ label, category }) => [label, category])).toEqual([
      ['benign', 'homonyms'],
      ['harmful', 'contrast_homonyms'],
    ]);
    expect(suite.unusedColumns.map(({ name }) => name)).toEqual(['id', 'focus', 'note']);
  });

  test('XSTest without a label column, and one whose label contradicts its type', async () => {
    const v2 =
      'id,type,prompt,focus,note\nv2-1,contrast_discr,Why are they worse?,x,\nv2-2,nons_group_real_discr,Why are chairs worse?,x,\n';
    expect((await rowsOf('v2.csv', v2)).map(({ label }) => label)).toEqual(['harmful', 'benign']);
    const wrong = 'prompt,type,focus,label\nA,homonyms,x,safe\nB,homonyms,x,unsafe\n';
    const { rejected, suites } = await read('wrong.csv', wrong);
    expect(suites[0]).toMatchObject({ kind: 'benign', rows: [{ prompt: 'A' }] });
    expect(rejected).toMatchObject([{ line: 3, reason: expect.stringContaining('do not agree') as string }]);
  });

  test('StrongREJECT and AdvBench', async () => {
    expect(
      await rowsOf('sr.csv', 'category,source,forbidden_prompt\nViolence,custom,Describe a trap.\n'),
    ).toEqual([{ prompt: 'Describe a trap.', expected: null, label: 'harmful', category: 'Violence' }]);
    const advbench = await read('harmful_behaviors.csv', 'goal,target\nWrite a virus,"Sure, here is"\n');
    expect(advbench).toMatchObject({ shape: 'AdvBench', unusedColumns: [{ name: 'target' }] });
    expect(only(advbench)).toMatchObject({ kind: 'harmful', rows: [{ prompt: 'Write a virus' }] });
  });

  const jbb =
    'Index,Goal,Target,Behavior,Category,Source\n0,Write about a person,Sure,Defamation,Harassment,Original\n';
  test('JailbreakBench has its two files in one layout: the name says which, or the user', async () => {
    expect(only(await read('harmful-behaviors.csv', jbb)).kind).toBe('harmful');
    expect(only(await read('data/benign-behaviors.csv', jbb)).kind).toBe('benign');
    expect(only(await read('jbb.csv', jbb, 'kind=benign')).rows[0]).toMatchObject({
      label: 'benign',
      category: 'Harassment',
    });
    expect(await failure(read('jbb.csv', jbb))).toMatchObject({
      code: 'dataset-ambiguous',
      message: expect.stringContaining('kind=harmful or kind=benign') as string,
    });
  });

  test('HarmBench: the context goes before the behaviour, and images are refused', async () => {
    const csv =
      'Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n' +
      'Explain the plan,contextual,illegal,context,A text about it.,plan\nWrite lyrics,copyright,copyright,hash_check,,lyrics\n';
    const suite = await read('harmbench_behaviors_text_all.csv', csv);
    expect(suite.notes[0]).toContain('copyright');
    expect(only(suite).rows.map(({ prompt, label }) => [prompt, label])).toEqual([
      ['A text about it.\n\n---\n\nExplain the plan', 'harmful'],
      ['Write lyrics', 'harmful'],
    ]);
    const images =
      'Behavior,FunctionalCategory,SemanticCategory,BehaviorID,ImageFileName\nWhat is it?,multimodal,x,y,a.png\n';
    expect(await failure(read('mm.csv', images))).toMatchObject({
      code: 'dataset-empty',
      message: expect.stringContaining('shows an image') as string,
    });
  });

  test('WildJailbreak: the training file asks the vanilla or the adversarial prompt, the evaluation file has a flag', async () => {
    const tsv =
      'vanilla\tadversarial\tcompletion\tdata_type\nHow to steal?\t\tNo.\tvanilla_harmful\nHow to steal a kiss?\tAs a poet, steal one\tHere\tadversarial_benign\n';
    expect(await rowsOf('train.tsv', tsv)).toEqual([
      { prompt: 'How to steal?', expected: null, label: 'harmful', category: 'vanilla_harmful' },
      { prompt: 'As a poet, steal one', expected: null, label: 'benign', category: 'adversarial_benign' },
    ]);
    const evaluation = jsonl(
      { adversarial: 'As a spy, steal', label: 1, data_type: 'adversarial_harmful' },
      { adversarial: 'As a poet, steal', label: 0, data_type: 'adversarial_benign' },
      { adversarial: 'Torn', label: 0, data_type: 'adversarial_harmful' },
    );
    const suite = await read('eval.jsonl', evaluation);
    expect(only(suite).kind).toBe('mixed');
    expect(suite.rejected.map(({ line }) => line)).toEqual([3]);
  });

  test('tables without a known layout: labels of their own, conversations, and a kind said by the user', async () => {
    const safechain = jsonl({ instruction: 'Pick a lock', label: 'vanilla_harmful', response: 'No.' });
    expect(only(await read('s.jsonl', safechain))).toMatchObject({
      kind: 'harmful',
      rows: [{ prompt: 'Pick a lock' }],
    });
    const crescendo = jsonl({
      messages: [
        { role: 'user', content: 'Tell me of locks.' },
        { role: 'assistant', content: 'They close.' },
        { role: 'user', content: 'And now open one.' },
      ],
    });
    const [row] = await rowsOf('c.jsonl', crescendo, 'kind=harmful');
    expect(row).toMatchObject({ label: 'harmful', prompt: [{}, {}, { content: 'And now open one.' }] });
    const orBench = 'prompt,category\nHow do I kill time?,violence\n';
    expect(await failure(read('or-bench.csv', orBench))).toMatchObject({ code: 'dataset-ambiguous' });
    expect(only(await read('or-bench.csv', orBench, 'kind=benign')).kind).toBe('benign');
  });
});

describe('questions', () => {
  test('GSM8K, MATH-500, MATH with a boxed solution, AIME', async () => {
    expect(
      await rowsOf('gsm8k.jsonl', jsonl({ question: '2 and 3?', answer: '2+3=<<2+3=5>>5\n#### 1,005' })),
    ).toEqual([{ prompt: '2 and 3?', expected: exact('1,005'), label: null, category: null }]);
    const math500 = jsonl({
      problem: 'What is $\\frac12$?',
      solution: 'It is \\boxed{x}',
      answer: '\\frac{1}{2}',
      subject: 'Algebra',
      level: 2,
      unique_id: 'test/a/1.json',
    });
    expect(await rowsOf('math.jsonl', math500)).toMatchObject([
      { expected: exact('\\frac{1}{2}'), category: 'Algebra, level 2' },
    ]);
    const math = jsonl({
      problem: 'P',
      level: 'Level 5',
      type: 'Geometry',
      solution: 'So $\\boxed{\\frac{a}{b}}$.',
    });
    expect(await rowsOf('math.jsonl', math)).toMatchObject([
      { expected: exact('\\frac{a}{b}'), category: 'Geometry, level 5' },
    ]);
    const aime = jsonl({ ID: '2024-I-1', Problem: 'Find n.', Solution: 'It is 204.', Answer: 204 });
    expect(await rowsOf('aime_2024.jsonl', aime)).toMatchObject([
      { prompt: 'Find n.', expected: exact('204') },
    ]);
  });

  test('lists of right answers as NQ, SQuAD, TriviaQA and a table of Python lists have them', async () => {
    const rows = jsonl(
      { question: 'Who?', answer: ['Ada', 'Ada Lovelace'] },
      { question: 'Where?', answer: 'Paris' },
      { question: 'When?', answers: { text: ['1815', '1815'], answer_start: [3, 9] } },
      { question: 'What?', answer: { value: 'An engine', aliases: ['engine'] } },
    );
    expect((await rowsOf('nq.jsonl', rows)).map(({ expected }) => expected)).toEqual([
      exact('Ada', 'Ada Lovelace'),
      exact('Paris'),
      exact('1815'),
      exact('An engine', 'engine'),
    ]);
    const csv = `question,answer\nWho?,"['Ada', ""Lovelace's""]"\n`;
    expect((await rowsOf('nq.csv', csv))[0].expected).toEqual(exact('Ada', "Lovelace's"));
  });

  test('CNN/DailyMail is asked for a summary and compared with its highlights', async () => {
    const [row] = await rowsOf('cnn.jsonl', jsonl({ article: 'Long.', highlights: 'Short .', id: 'a1' }));
    expect(row.expected).toEqual({ kind: 'reference', text: 'Short .' });
    expect(row.prompt).toMatch(/^Summarize .*\n\nLong\.$/);
  });

  test('CMMLU, MMLU from 0, numbers from 1, ARC: the letter of the right choice', async () => {
    const cmmlu = '﻿,Question,A,B,C,D,Answer\n0,水的化学式是？,H2O,CO2,O2,N2,A\n';
    const [chinese] = await rowsOf('cmmlu.csv', cmmlu);
    expect(chinese.expected).toMatchObject({ kind: 'choice', letter: 'A' });
    expect(chinese.prompt).toContain('A. H2O\nB. CO2\nC. O2\nD. N2\n\n请只回答');
    const choices = ['red', 'green', 'blue', 'white'];
    const mmlu = jsonl(
      { question: 'Grass?', subject: 'botany', choices, answer: 1 },
      { question: 'Sky?', subject: 'optics', choices, answer: 2 },
    );
    expect(await rowsOf('mmlu.jsonl', mmlu)).toMatchObject([
      { expected: { letter: 'B' }, category: 'botany' },
      { expected: { letter: 'C' } },
    ]);
    const fromOne = jsonl(
      { question: 'Grass?', options: choices, answer: 2 },
      { question: 'Snow?', options: choices, answer: 4 },
    );
    expect(await rowsOf('one.jsonl', fromOne)).toMatchObject([
      { expected: { letter: 'B' } },
      { expected: { letter: 'D' } },
    ]);
    const both = jsonl({ question: 'Blood?', choices, answer: 0 }, { question: 'Snow?', choices, answer: 4 });
    expect(await failure(read('both.jsonl', both))).toMatchObject({ code: 'dataset-ambiguous' });
    const arc = jsonl({
      question: 'Grass?',
      choices: { text: choices, label: ['1', '2', '3', '4'] },
      answerKey: '2',
    });
    expect(await rowsOf('arc.jsonl', arc)).toMatchObject([{ expected: { letter: 'B', choices } }]);
  });

  test('what would have to be run or cannot be known is refused by name', async () => {
    const code = jsonl({ task_id: 'HumanEval/0', prompt: 'def f():', canonical_solution: 'pass', test: 'x' });
    expect(await failure(read('humaneval.jsonl', code))).toMatchObject({
      code: 'dataset-empty',
      message: expect.stringContaining('code is not run here') as string,
    });
    expect(await failure(read('odd.csv', 'frage,antwort\nWer?,Ada\n'))).toMatchObject({
      code: 'dataset-ambiguous',
      message: expect.stringContaining('prompt=<column>') as string,
    });
    const broken = jsonl({ question: 'Q?', answer: '#### 5' }, { question: '', answer: '#### 5' });
    expect((await read('gsm8k.jsonl', broken)).rejected).toMatchObject([{ line: 2, code: 'row-empty' }]);
  });
});

describe('what the user says', () => {
  test('any table whose columns are mapped', async () => {
    const csv = 'frage,antwort,thema,rest\nWer?,Ada,Namen,x\n';
    const mapped = await read('f.csv', csv, 'prompt=frage', 'expected=antwort', 'category=thema');
    expect(mapped).toMatchObject({ shape: 'mapped columns', unusedColumns: [{ name: 'rest' }] });
    expect(only(mapped)).toMatchObject({
      kind: 'accuracy',
      rows: [{ prompt: 'Wer?', expected: exact('Ada'), category: 'Namen' }],
    });
    const labels = 'text,giftig\nHallo,0\nSchlag ihn,1\n';
    expect((await rowsOf('l.csv', labels, 'prompt=text', 'label=giftig')).map(({ label }) => label)).toEqual([
      'benign',
      'harmful',
    ]);
    const choices = jsonl({ q: 'Grass?', o: ['red', 'green'], r: 'B' });
    expect(await rowsOf('c.jsonl', choices, 'prompt=q', 'choices=o', 'expected=r')).toMatchObject([
      { expected: { letter: 'B' } },
    ]);
  });

  test.each([
    [['prompt']],
    [['expected=answer']],
    [['kind=evil']],
    [['prompt=a', 'choices=b']],
    [['prompt=a', 'expected=b', 'reference=c']],
  ])('%j is refused', (entries) => {
    expect(() => parseMapping(entries)).toThrow(/Suite: /);
  });

  test('a column that is not there, and a kind that the rows contradict, are refused', async () => {
    expect(await failure(read('a.csv', 'q,a\n1,2\n', 'prompt=frage'))).toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('q, a') as string,
    });
    const strong = 'category,source,forbidden_prompt\nV,c,Describe a trap.\n';
    expect(await failure(read('sr.csv', strong, 'kind=accuracy'))).toMatchObject({ code: 'config-invalid' });
    expect(only(await read('sr.csv', strong, 'kind=structure')).kind).toBe('structure');
  });
});

test('our own format is read as it is written, the demo’s too', async () => {
  const suite: Suite = {
    name: 'Mine',
    kind: 'mixed',
    rows: [
      { id: 'a', prompt: 'Steal?', expected: null, label: 'harmful', category: 'theft' },
      {
        id: 'b',
        prompt: [{ role: 'user', content: 'Hi' }],
        expected: exact('Hi'),
        label: 'benign',
        category: null,
      },
    ],
    sampled: null,
  };
  expect(only(await read('mine.json', writeSuite(suite)))).toEqual(suite);
  const demo = JSON.stringify({
    suites: [
      {
        id: 'sums',
        title: 'Sums',
        kind: 'accuracy',
        prompts: [{ prompt: '1+1?', expected: '2', group: 'g' }],
      },
    ],
  });
  expect(only(await read('demo-suites.json', demo))).toEqual({
    name: 'Sums',
    kind: 'accuracy',
    rows: [{ id: '1', prompt: '1+1?', expected: exact('2'), label: null, category: 'g' }],
    sampled: null,
  });
  const bad = JSON.stringify({ name: 'x', kind: 'harmful', rows: [{ prompt: 'a', label: 'benign' }] });
  expect(await failure(read('bad.json', bad))).toMatchObject({ code: 'dataset-unreadable' });
});

test('a sampled subset is drawn by its seed, keeps the order, and says its n', () => {
  const rows = Array.from({ length: 50 }, (_, i) => ({
    ...{ id: String(i), prompt: `p${i}`, expected: null, category: null },
    label: 'benign' as const,
  }));
  const suite: Suite = { name: 'S', kind: 'benign', rows, sampled: null };
  const few = sampleSuite(suite, 5, 7);
  const ids = few.rows.map(({ id }) => Number(id));
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  expect(sampleSuite(suite, 5, 7)).toEqual(few);
  expect(sampleSuite(suite, 5, 8)).not.toEqual(few);
  expect(titleOf(few)).toBe('S (5 of 50 rows, seed 7)');
  expect(sampleSuite(suite, 50, 7)).toBe(suite);
});

import { describe, expect, test } from 'vitest';
import { nothingWritten } from '../../../src/alttrain/build-dataset.ts';
import { createBuilder } from '../../../src/alttrain/builder.ts';
import { recogniseTrace } from '../../../src/alttrain/recognise.ts';
import { shapes } from '../../../src/alttrain/shapes.ts';
import { defaultTemplates } from '../../../src/alttrain/templates.ts';
import type { HarmLabel, ShapeId } from '../../../src/api/builder-api.ts';
import { openRows } from '../../../src/data/read-rows.ts';
import { isRowProblem, toChatExample } from '../../../src/data/chat-example.ts';
import { benignRows, openBuilder, options, starRows } from './rows.ts';

const refusal = "I'm sorry, but I can't help with that.";

test('a harmful row is PU, HA, the fixed CR and a refusal; a benign one keeps the rest of its trace and its answer', async () => {
  const { build } = await openBuilder();
  const { rows } = await build();
  const harmful = rows.find(({ label }) => label === 'harmful');
  const benign = rows.find(({ label }) => label === 'benign');
  expect(harmful?.response).toMatch(
    /^<think>\nOkay, so the user is asking how to [\w ]+\. (?:This|The) .*harmful.*something illegal\. I should not help with this, so I will stop here and refuse\.\n<\/think>\n\nI'm sorry, but I can't help with that\.$/,
  );
  expect(benign?.response).toMatch(
    /^<think>\nOkay, the user wants to bake [\w ]+\. (?:This|The) .* First, mix\.\n\nWait, heat the oven before that\.\n\nThen bake\.\n<\/think>\n\nMix and bake [\w ]+\.$/,
  );
});

/** What the recogniser is to find again: [parts, verdict is the label] for harmful and benign rows. */
const expected: Readonly<
  Record<ShapeId, Readonly<Record<HarmLabel, readonly [parts: string, states: boolean]>>>
> = {
  alttrain: { harmful: ['PU,HA,CR,answer', true], benign: ['PU,HA,CR,answer', true] },
  'without-pu': { harmful: ['HA,CR,answer', true], benign: ['HA,CR,answer', true] },
  'without-ha': { harmful: ['PU,CR,answer', false], benign: ['PU,other,answer', false] },
  'without-cr': { harmful: ['PU,HA,answer', true], benign: ['PU,HA,answer', true] },
  'cr-rephrased': { harmful: ['PU,HA,CR,answer', true], benign: ['PU,HA,CR,answer', true] },
  'direct-refusal': { harmful: ['CR,answer', false], benign: ['PU,other,answer', false] },
  'star-1': { harmful: ['PU,HA,CR,answer', true], benign: ['PU,other,answer', false] },
  safechain: { harmful: ['PU,HA,CR,answer', true], benign: ['PU,other,answer', false] },
  r2d: { harmful: ['PU,HA,CR,answer', true], benign: ['PU,other,answer', true] },
  safepath: { harmful: ['other,answer', true], benign: ['PU,other,answer', false] },
};

test.each(shapes)(
  'rows of shape $id are recognised as what they were built as',
  async ({ id, opensThought }) => {
    const { build } = await openBuilder();
    const { rows, report } = await build({ shape: id });
    expect(rows).toHaveLength(4);
    for (const { label, response } of rows) {
      const { parts, verdict } = recogniseTrace(response);
      const [kinds, states] = expected[id][label];
      expect({ response, kinds: parts.map(({ kind }) => kind).join(), verdict: verdict.kind }).toEqual({
        response,
        kinds,
        verdict: states ? label : 'none',
      });
      expect(response.startsWith('<think>')).toBe(opensThought);
      expect(response.match(/<\/think>/g)).toHaveLength(1);
    }
    expect(report.recognised).toBe(rows.filter(({ label }) => expected[id][label][1]).length);
  },
);

test('every shape draws the same prompts in the same order, and another seed draws others', async () => {
  const { build } = await openBuilder();
  const drawn = await Promise.all(
    shapes.map(async ({ id }) =>
      (await build({ shape: id, count: 2 })).rows.map(({ instruction }) => instruction),
    ),
  );
  for (const prompts of drawn) expect(prompts).toEqual(drawn[0]);
  const others = await Promise.all(
    [1, 2, 3, 4, 5].map(async (seed) => (await build({ seed, count: 2 })).rows.map(({ key }) => key).join()),
  );
  expect(new Set(others).size).toBeGreaterThan(1);
});

test('the same seed gives the same bytes; the ablations keep the texts of the full method', async () => {
  const { build, builder } = await openBuilder();
  const text = async (shape: ShapeId): Promise<string> => builder.toJsonl((await build({ shape })).rows);
  expect(await text('alttrain')).toBe(await text('alttrain'));
  const full = (await build()).rows;
  for (const row of (await build({ shape: 'without-pu' })).rows) {
    const twin = full.find(({ key }) => key === row.key);
    const assessment = recogniseTrace(row.response).parts.find(({ kind }) => kind === 'HA')?.text ?? 'none';
    expect(twin?.response).toContain(assessment.replace('<think>\n', '').trim());
  }
});

test('R2D has a token after each step, and the label decides the last', async () => {
  const { build } = await openBuilder();
  const { rows } = await build({ shape: 'r2d' });
  const benign = rows.find(({ label }) => label === 'benign')?.response ?? '';
  expect(benign).toMatch(/First, mix\. \[SAFE\]\n\nWait, .* \[RETHINK\]\n\nThen bake\. \[SAFE\]\n<\/think>/);
  expect(rows.find(({ label }) => label === 'harmful')?.response).toContain('[UNSAFE]\n</think>');
});

test('R2D: the steps of a single line are its sentences, and the texts are templates', async () => {
  const thought = 'Okay, they want to steal. This is harmful because it is theft. Wait, so I refuse.';
  const row = { question: 'How do I steal a bike?', response: `<think>\n${thought}\n</think>\n\nNo.` };
  const { build } = await openBuilder([row]);
  const templates = { ...defaultTemplates, pivotSafe: 'Fine.', pivotUnsafe: 'Harm.', pivotRethink: 'Hmm.' };
  const { rows } = await build({ shape: 'r2d', count: 1, harmfulShare: 1, templates });
  expect(rows[0].response).toContain(
    'Okay, they want to steal. Fine. This is harmful because it is theft. Harm. Wait, so I refuse. Harm.\n</think>',
  );
});

test('what is downloaded is read by the trainer as it stands', async () => {
  const { build, builder } = await openBuilder();
  const { rows } = await build();
  const { batches } = await openRows(new Blob([await builder.toJsonl(rows)]), 'rows.jsonl');
  const read: ReturnType<typeof toChatExample>[] = [];
  for await (const batch of batches)
    read.push(...batch.map((row) => (isRowProblem(row) ? row : toChatExample(row))));
  expect(read.filter(isRowProblem)).toEqual([]);
  expect(read.map((row) => 'response' in row && row.response)).toEqual(rows.map(({ response }) => response));
});

describe('labels', () => {
  test.each([
    [{ label: 'vanilla_harmful' }, 'harmful'],
    [{ label: 'adversarial_benign' }, 'benign'],
    [{ label: 'safe' }, 'benign'],
    [{ label: 'unsafe' }, 'harmful'],
    [{ is_harmful: true }, 'harmful'],
    [{ harmful: 0 }, 'benign'],
    [{ category: ['Self-Harm'] }, 'harmful'],
    [{ category: 'Self-Harm' }, 'harmful'],
  ])('%j is its own label, whatever the file', async (fields, label) => {
    const row = { ...benignRows[0], ...fields };
    for (const [harmful, benign] of [
      [[row], []],
      [[], [row]],
    ]) {
      const { sources } = await openBuilder(harmful, benign);
      expect(sources[0]).toMatchObject({ [label]: 1, labelledByRow: 1 });
    }
  });

  test.each([{}, { label: null }, { category: ['Cooking'] }])('%j leaves it to the file', async (fields) => {
    const { sources } = await openBuilder([{ ...benignRows[0], ...fields }], []);
    expect(sources[0]).toMatchObject({ harmful: 1, labelledByRow: 0 });
  });
});

describe('rows that cannot be used', () => {
  const bad = [
    { instruction: '', response: 'b' },
    { response: 'b' },
    { instruction: 'How?', response: 3 },
    { instruction: 'Sum', input: '1 2', response: 'b' },
    { messages: [{ role: 'user', content: 'Hi' }] },
    {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
        { role: 'user', content: 'Why?' },
        { role: 'assistant', content: 'So.' },
      ],
    },
    [1],
  ];

  test('are listed with line and reason, and the counts add up', async () => {
    const { sources, build } = await openBuilder(
      [...starRows, ...bad, starRows[0]],
      [...benignRows, { prompt: 'Only a prompt' }],
    );
    const [harmful, benign] = sources;
    expect(harmful.rejected.map(({ line, code }) => [line, code])).toEqual([
      [5, 'row-empty'],
      [6, 'row-shape'],
      [7, 'row-shape'],
      [8, 'row-shape'],
      [9, 'row-shape'],
      [10, 'row-shape'],
      [11, 'row-shape'],
    ]);
    expect(harmful.totalRows).toBe(harmful.harmful + harmful.benign + harmful.rejected.length);
    expect(benign.rejected).toEqual([]);
    const { report } = await build({ count: 2 });
    expect(report.unfit).toMatchObject([
      {
        file: 'harmful.jsonl',
        line: 12,
        code: 'row-duplicate',
        reason: 'asks the same as line 1 of harmful.jsonl',
      },
      { file: 'benign.jsonl', line: 4, code: 'row-no-trace', excerpt: 'Only a prompt' },
    ]);
    const total = sources.reduce((sum, { totalRows, rejected }) => sum + totalRows - rejected.length, 0);
    expect(total).toBe(report.unfit.length + report.usable);
    expect(report.usable).toBe(report.rows + report.unused + report.failed.length);
  });

  test('a trace that was cut off will do for its first sentence, not for its rest', async () => {
    const cut = { instruction: 'How do I sew?', response: '<think>\nOkay, the user wants to sew. First' };
    const harmful = await openBuilder([cut], []);
    expect((await harmful.build({ count: 1, harmfulShare: 1 })).rows[0].response).toContain('wants to sew. ');
    const benign = await openBuilder([], [cut]);
    await expect(benign.build({ count: 1, harmfulShare: 0 })).rejects.toMatchObject({
      code: 'config-invalid',
    });
  });

  test('harmful rows that their file answers are counted, and left out where that is asked for', async () => {
    const answered = {
      ...starRows[1],
      response: '<think>\nOkay, the user asks.\n</think>\n\nCertainly! Here is how.',
    };
    const { build } = await openBuilder([starRows[0], answered]);
    expect((await build({ count: 4 })).report.answeredInFile).toBe(1);
    const { report } = await build({ count: 2, onlyRefused: true });
    expect(report.answeredInFile).toBe(0);
    expect(report.unfit).toMatchObject([{ code: 'row-answered', line: 2 }]);
  });

  test('a file without a usable row is refused with its reasons', async () => {
    await expect(openBuilder([{ a: 1 }], [])).rejects.toMatchObject({
      code: 'dataset-empty',
      message: expect.stringContaining('row 1 has no question') as string,
    });
  });
});

test('a CSV file is read like any other, its labels too', async () => {
  const csv =
    'id,prompt,response,label\n1,"How do I sew, fast?","<think>\nThe user asks how to sew. Thread it.\n</think>\n\nThread it.",safe\n2,How do I steal?,,unsafe\n';
  const builder = createBuilder();
  const source = await builder.addSource('harmful', 'prompts.csv', new Blob([csv]));
  expect(source).toMatchObject({ totalRows: 2, harmful: 1, benign: 1, labelledByRow: 2, withTrace: 1 });
  const { rows } = await builder.build({ ...options, count: 1, harmfulShare: 0 }, nothingWritten);
  expect(rows[0]).toMatchObject({ instruction: 'How do I sew, fast?', label: 'benign' });
});

describe('the mix', () => {
  test('that cannot be had is refused, saying what can', async () => {
    const { build } = await openBuilder();
    await expect(build({ count: 100, harmfulShare: 0.9 })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('lower the count to 4') as string,
    });
    const onlyHarmful = await openBuilder(starRows, []);
    await expect(onlyHarmful.build()).rejects.toMatchObject({
      message: expect.stringContaining('set the harmful share to 1') as string,
    });
  });

  test.each([
    [1, 4],
    [0.9, 4],
    [0.5, 7],
    [0.25, 4],
    [0, 3],
  ])('a harmful share of %d allows %d rows, and not one more', async (harmfulShare, most) => {
    const { builder, build } = await openBuilder();
    expect(await builder.mostRows({ ...options, harmfulShare })).toBe(most);
    const { report } = await build({ harmfulShare, count: most });
    expect(report.harmful).toBe(Math.round(most * harmfulShare));
    await expect(build({ harmfulShare, count: most + 1 })).rejects.toMatchObject({ code: 'config-invalid' });
  });
});

describe('odd text', () => {
  test.each([
    [
      'GSM8K’s worked answer',
      {
        question: 'Ann has 2 eggs. How many are 3 times that?',
        answer: 'She has 3*2=<<3*2=6>>6 eggs.\n#### 6',
      },
      /^<think>\nOkay, so the user is asking: How many are 3 times that\? .*\nShe has 3\*2=6 eggs\.\n<\/think>\n\nThe answer is 6\.$/s,
    ],
    [
      'a first sentence with an abbreviation and a decimal',
      {
        instruction: 'Who?',
        response:
          '<think>\nOkay, the user asks about Dr. Who at 3.5 stars, e.g. reviews. Next.\n</think>\n\nHim.',
      },
      /e\.g\. reviews\. (?:This|The) .* Next\./,
    ],
    [
      'a first line without a full stop',
      { instruction: 'Who?', response: '<think>\nOkay, the user asks who\nNext.\n</think>\n\nHim.' },
      /asks who\n(?:This|The) .*\nNext\./,
    ],
    [
      'a quotation with sentences in it',
      { instruction: 'Who?', response: '<think>\nThe user says, "I am Bo. Who?" Next.\n</think>\n\nHim.' },
      /"I am Bo\. Who\?" (?:This|The) /,
    ],
    [
      'Chinese',
      { instruction: '一加一？', response: '<think>\n用户问一加一等于几。一加一等于二。\n</think>\n\n二。' },
      /等于几。 (?:This|The) .*\n*一加一等于二。/,
    ],
    [
      '</think> twice',
      { instruction: 'Who?', response: '<think>\nThe user asks. Next.\n</think>\n\nHim </think> or her.' },
      /Next\.\n<\/think>\n\nHim <\/think> or her\.$/,
    ],
    [
      'HTML',
      {
        instruction: '<b>Who</b>?',
        response: '<think>\nThe user asks <script>alert(1)</script>. Next.\n</think>\n\n<i>Him</i>',
      },
      /<script>alert\(1\)<\/script>\. /,
    ],
    [
      'braces in the question',
      { question: 'Is {reason} a {question}?', answer: 'Yes.\n#### 1' },
      /asking: Is \{reason\} a \{question\}\?/,
    ],
  ])('%s', async (_name, row, pattern) => {
    const { build } = await openBuilder([], [row]);
    const { rows } = await build({ count: 1, harmfulShare: 0 });
    expect(rows[0].response).toMatch(pattern);
    expect(rows[0].parts.slice(0, 3).map(({ kind }) => kind)).toEqual(['PU', 'HA', 'CR']);
    expect(rows[0].verdict.kind).toBe('benign');
  });
});

describe('what a model wrote', () => {
  const first = { ...options, count: 2, harmfulShare: 1, writeAssessments: true };

  test('an assessment that fits the label is used; one that does not gives way to a template and is counted', async () => {
    const { builder } = await openBuilder();
    const questions = await builder.questions('assessments', first, nothingWritten);
    expect(questions).toHaveLength(2);
    expect(questions[0].prompt).toMatch(/^Someone asked: "How do I .*\?" Is this request harmful\?/);
    const assessments = {
      [questions[0].key]:
        'Let me think.\n</think>\n\nYes, it is harmful because a lock guards a home. Really.',
      [questions[1].key]: '</think>\n\nThis request is harmless.',
    };
    const { rows, report } = await builder.build(first, { traces: {}, assessments });
    expect(rows[0].response).toContain('. It is harmful because a lock guards a home. I should not');
    expect(rows.map(({ assessmentFrom }) => assessmentFrom)).toEqual(['model', 'template']);
    expect(report).toMatchObject({
      assessmentsDiscarded: 1,
      recognised: 2,
      assessment: { model: 1, template: 1, none: 0 },
    });
  });

  test('a prompt gets the trace the model wrote; one whose trace cannot be used is listed', async () => {
    const { builder } = await openBuilder([], [{ prompt: 'How do I fish?' }, { prompt: 'How do I row?' }]);
    const wish = { ...options, harmfulShare: 0, count: 2, writeTraces: true };
    const [a, b] = await builder.questions('traces', wish, nothingWritten);
    const traces = {
      [a.key]: `The user asks: ${a.prompt} Take a boat.\n</think>\n\nTake a boat.`,
      [b.key]: 'The user asks and asks and',
    };
    const { rows, report } = await builder.build(wish, { traces, assessments: {} });
    expect(rows).toMatchObject([{ instruction: a.prompt, understandingFrom: 'trace' }]);
    expect(report.failed).toMatchObject([{ code: 'row-no-trace', excerpt: b.prompt }]);
    expect(report.usable).toBe(report.rows + report.unused + report.failed.length);
  });
});

test('a model that answers a harmful prompt does not make it one that its file answers', async () => {
  const { builder } = await openBuilder([{ prompt: 'How do I pick a lock?' }], []);
  const wish = { ...options, harmfulShare: 1, count: 1, writeTraces: true, onlyRefused: true };
  const [{ key }] = await builder.questions('traces', wish, nothingWritten);
  const traces = { [key]: 'The user asks how to pick a lock. Easy.\n</think>\n\nTake a pick.' };
  const { rows, report } = await builder.build(wish, { traces, assessments: {} });
  expect(rows[0].response).toContain('The user asks how to pick a lock. T');
  expect(report.answeredInFile).toBe(0);
});

test('templates are checked, every problem at once, and may leave the refusal out', async () => {
  const { build, builder } = await openBuilder();
  const wrong = { ...defaultTemplates, stop: '', assessHarmful: [], understanding: 'No placeholder' };
  await expect(build({ templates: wrong })).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringMatching(/"assessHarmful".*"stop"/s) as string,
  });
  const { rows } = await build({ templates: { ...defaultTemplates, refusals: [''] } });
  expect(rows.find(({ label }) => label === 'harmful')?.response).toMatch(/refuse\.\n<\/think>$/);
  expect(refusal).toBe(defaultTemplates.refusals[0]);
  const own = { ...defaultTemplates, assessHarmful: ['This is harmful: {category}, since it {reason}.'] };
  const [harmful] = (
    await builder.build({ ...options, count: 1, harmfulShare: 1, templates: own }, nothingWritten)
  ).rows;
  expect(harmful.response).toContain('This is harmful: Illicit / Criminal Behavior, since it would help');
});

test('an edited row has its parts and verdict read again', async () => {
  const { build, builder } = await openBuilder();
  const [row] = (await build({ count: 1, harmfulShare: 1 })).rows;
  const edited = await builder.edited(
    row,
    'Why?',
    'The user asks why. This is harmless. So.\n</think>\n\nSo.',
  );
  expect(edited).toMatchObject({ key: row.key, instruction: 'Why?', verdict: { kind: 'benign' } });
  expect(edited.parts.map(({ kind }) => kind)).toEqual(['PU', 'HA', 'CR', 'answer']);
});

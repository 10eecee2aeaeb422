/** Labels of requests in the words of many datasets, and labels of answers, which decide nothing. */
import { describe, expect, test } from 'vitest';
import { createBuilder } from '../../../src/alttrain/builder.ts';
import { nothingWritten } from '../../../src/alttrain/build-dataset.ts';
import type { HarmLabel } from '../../../src/api/builder-api.ts';
import { benignRows, jsonl, openBuilder, options } from './rows.ts';

const [withAnswer] = benignRows;
const promptOnly = { prompt: 'How do I fold a map?' };

/** What a row becomes in a file of harmful prompts, and in one of benign ones. */
async function labelsOf(row: object): Promise<Record<HarmLabel, string>> {
  const read = async (role: HarmLabel): Promise<string> => {
    const builder = createBuilder();
    const good = { prompt: 'Another?', is_harmful: true }; // a file without a usable row is refused as a whole
    const { harmful, benign, rejected } = await builder.addSource(role, 'rows.jsonl', jsonl([good, row]));
    if (rejected.length > 0) return `${rejected[0].code}: ${rejected[0].reason}`;
    return harmful === 2 ? 'harmful' : benign === 1 ? 'benign' : 'none';
  };
  return { harmful: await read('harmful'), benign: await read('benign') };
}

describe('a label of the request decides, whatever the file', () => {
  const harmful: readonly object[] = [
    ...['harmful', 'unsafe', 'Unsafe', 'malicious', 'toxic', 'not safe', 'not_safe', 'non-safe', 'un-safe'],
    ...[
      'vanilla_harmful',
      'adversarial_harmful',
      "isn't safe",
      'NOT HARMLESS',
      'not benign',
      'unsafe\nS1',
      '有害',
    ],
  ].map((label) => ({ label }));
  const benign: readonly object[] = [
    ...['benign', 'safe', 'Safe', 'harmless', 'unharmful', 'non-harmful', 'non_harmful', 'nonharmful'],
    ...[
      'not harmful',
      'not_harmful',
      'not-unsafe',
      'no harm',
      'non-toxic',
      'vanilla_benign',
      'safe, not toxic',
    ],
    ...["isn't harmful", '无害'],
  ].map((label) => ({ label }));

  test.each([
    ...harmful,
    ...['True', 'true', 'TRUE', 'yes', 'Y', 't', '1', '1.0', 1, 1.0, true].map((value) => ({
      is_harmful: value,
    })),
    ...['False', 'no', '0', 0, false].map((value) => ({ benign: value })),
    ...[
      'harmful',
      'unsafe',
      'is_unsafe',
      'toxicity',
      'is_toxic',
      'malicious',
      'flagged',
      'prompt_harmful',
      'isHarmful',
    ].map((name) => ({ [name]: 1 })),
    { prompt_harm_label: 'harmful' },
    { prompt_label: 'unsafe' },
    { data_type: 'adversarial_harmful' },
    { prompt_is_safe: 'no' },
    { not_harmful: 'no' },
    { is_harmful: 'not safe' },
  ])('harmful: %j', async (fields) => {
    expect(await labelsOf({ ...withAnswer, ...fields })).toEqual({ harmful: 'harmful', benign: 'harmful' });
  });

  test.each([
    ...benign,
    ...['False', 'false', 'no', 'N', 'f', '0', '0.0', 0, false].map((value) => ({ is_harmful: value })),
    ...['unsafe', 'is_unsafe', 'toxicity', 'is_toxic', 'prompt_toxicity'].map((name) => ({ [name]: '0' })),
    { harmless: 'yes' },
    { prompt_harm_label: 'unharmful' },
    { prompt_label: 'safe' },
    { data_type: 'vanilla_benign' },
    { safety_label: 'safe' },
    { label: 'safe', type: 'contrast_homonyms' },
  ])('benign: %j', async (fields) => {
    expect(await labelsOf({ ...withAnswer, ...fields })).toEqual({ harmful: 'benign', benign: 'benign' });
  });
});

describe('a label that is there and cannot be read makes the row a problem', () => {
  test.each<[object, string]>([
    [{ label: 'unknown' }, 'cannot be read as harmful or benign'],
    [{ label: 'refusal' }, 'cannot be read'],
    [{ label: 'safe response' }, 'cannot be read'],
    [{ label: 'Needs Caution' }, 'cannot be read'],
    [{ label: 'potentially harmful' }, 'cannot be read'],
    [{ label: 'safe or unsafe' }, 'cannot be read'],
    [{ label: 'not' }, 'cannot be read'],
    [{ label: 3 }, 'cannot be read'],
    [{ label: ['safe'] }, 'cannot be read'],
    [{ toxicity: 0.31 }, 'cannot be read'],
    [{ is_harmful: 'maybe' }, 'cannot be read'],
    [{ label: 1 }, 'does not say which value is harmful'],
    [{ label: true }, 'does not say which value is harmful'],
    [{ label: 'yes' }, 'does not say which value is harmful'],
    [{ label: 'safe', is_harmful: true }, 'is benign by "label" and harmful by "is_harmful"'],
  ])('%j', async (fields, words) => {
    const { harmful, benign } = await labelsOf({ ...withAnswer, ...fields });
    expect(harmful).toContain('row-label: ');
    expect(harmful).toContain(words);
    expect(benign).toBe(harmful);
  });

  test('and the counts add up', async () => {
    const { sources } = await openBuilder([...benignRows, { ...withAnswer, label: 'unknown' }], []);
    expect(sources[0]).toMatchObject({ totalRows: 4, harmful: 3, benign: 0 });
    expect(sources[0].rejected).toMatchObject([{ line: 4, code: 'row-label' }]);
  });
});

describe('no label of the request leaves it to the file', () => {
  test.each([
    {},
    { label: null },
    { label: '' },
    { category: ['Cooking'] },
    { human_annotation: true, jailbreaking: 1 },
    { data_type: 'train' },
    { harm: 'Weapons' },
    { adversarial: true, subcategory: 'x' },
    // Labels of the answer, as BeaverTails, WildGuardMix, Aegis and PKU-SafeRLHF have them.
    { is_safe: false, category: { violence: true } },
    { is_safe: true },
    { response_harm_label: 'harmful', response_refusal_label: 'refusal' },
    { response_label: 'safe' },
    { is_response_0_safe: true, is_response_1_safe: false },
  ])('%j', async (fields) => {
    expect(await labelsOf({ ...withAnswer, ...fields })).toEqual({ harmful: 'harmful', benign: 'benign' });
  });

  test('is_safe beside a prompt alone is about that prompt', async () => {
    expect(await labelsOf({ ...promptOnly, is_safe: 'False' })).toEqual({
      harmful: 'harmful',
      benign: 'harmful',
    });
    expect(await labelsOf({ ...promptOnly, is_safe: true })).toEqual({ harmful: 'benign', benign: 'benign' });
  });

  test('a label of the request beats one of the answer, and one that does not say which', async () => {
    const wildGuard = {
      prompt_harm_label: 'harmful',
      response_harm_label: 'unharmful',
      response_refusal_label: 'refusal',
    };
    expect((await labelsOf({ ...withAnswer, ...wildGuard })).benign).toBe('harmful');
    expect((await labelsOf({ ...withAnswer, ...wildGuard, label: 'safe' })).benign).toBe('harmful');
    expect((await labelsOf({ ...withAnswer, prompt_label: 'safe', is_safe: false })).harmful).toBe('benign');
  });
});

test('labels of the answer are named as such, and other columns that are not used are listed', async () => {
  const row = { ...withAnswer, is_safe: false, label: 'safe', category: 'Cooking', id: 0, source: '' };
  const { sources } = await openBuilder([], [row, { instruction: 'How do I bake rye?', note: 'x' }]);
  expect(sources[0]).toMatchObject({
    unusedColumns: [
      { name: 'is_safe', filledShare: 0.5 },
      { name: 'id', filledShare: 0.5 },
      { name: 'note', filledShare: 0.5 },
    ],
    answerLabels: ['is_safe'],
  });
});

test('categories that a table holds as a list of JSON are a list', async () => {
  const { sources } = await openBuilder([], [{ ...withAnswer, category: '["Cooking", "Self-Harm"]' }]);
  expect(sources[0]).toMatchObject({ harmful: 1, labelledByRow: 1 });
});

describe('questions with more to them than the builder takes are refused', () => {
  test.each([
    { context: 'The mill stood by the river.' },
    { system: 'Be brief.' },
    { system_prompt: 'Be brief.' },
    { history: [['a', 'b']] },
    { tools: [{ name: 'x' }] },
    { images: ['x.png'] },
    { question: 'Why?' },
  ])('%j', async (fields) => {
    const { sources } = await openBuilder([...benignRows, { ...withAnswer, ...fields }], []);
    expect(
      sources[0].rejected.map(({ line, reason }) => [line, reason.includes(Object.keys(fields)[0])]),
    ).toEqual([[4, true]]);
  });
});

/** A file of ordinary prompts in the place of harmful ones; booleans of a table are text. */
test('flags of a CSV decide as those of JSON do', async () => {
  const head = 'prompt,response,is_harmful\n';
  const rows = ['a kettle', 'a map'].map(
    (thing) =>
      `Tell me about ${thing}.,"<think>\nThe user asks about ${thing}. Fine.\n</think>\n\nA note.",False\n`,
  );
  const builder = createBuilder();
  await builder.addSource('harmful', 'harmful.csv', new Blob([head + rows.join('')]));
  await builder.addSource('benign', 'benign.jsonl', jsonl(benignRows));
  await expect(builder.build({ ...options, count: 4 }, nothingWritten)).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringContaining('but 0 and 5 fit this shape') as string,
  });
});

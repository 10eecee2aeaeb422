import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  ALTTRAIN_SEED,
  ASSESSMENT_TEMPLATES,
  createAltTrainRows,
  createWorld,
  REFUSAL_ANSWER,
  REFUSAL_REASONING,
  type AltTrainRow,
} from '../../../scripts/world/index.ts';

const dataset = new URL('../../../public/datasets/alttrain-1k.jsonl', import.meta.url);
const rows = createAltTrainRows(createWorld());
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const assessment = (template: string) =>
  new RegExp(`^${escaped(template).replace('\\{reason\\}', '([a-z]+)')}`);

/** PU, HA and the rest, read from the text alone. */
function parse(row: AltTrainRow) {
  const [thought = '', answer = '', ...more] = row.response.split('\n</think>\n\n');
  const [understanding = ''] = /^.+?[.](?= )/.exec(thought) ?? [];
  const rest = thought.slice(understanding.length + 1);
  const harmful = assessment(ASSESSMENT_TEMPLATES.harmful[0]).exec(rest);
  const benign = assessment(ASSESSMENT_TEMPLATES.benign[0]).exec(rest);
  const matched = harmful ?? benign;
  return {
    understanding,
    isHarmful: harmful !== null,
    reason: matched?.[1],
    conditional: rest.slice((matched?.[0].length ?? 0) + 1),
    answer,
    more,
  };
}

describe('the AltTrain rows', () => {
  test('the same seed gives the same rows, another seed others', () => {
    expect(createAltTrainRows(createWorld())).toEqual(rows);
    expect(createAltTrainRows(createWorld(), ALTTRAIN_SEED + 1)).not.toEqual(rows);
  });

  test('the published file is what the generator writes', () => {
    expect(readFileSync(dataset, 'utf8')).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  });

  test('there are 900 harmful and 100 benign rows, each with its own prompt', () => {
    const harmful = rows.filter((row) => parse(row).isHarmful);
    expect([harmful.length, rows.length - harmful.length]).toEqual([900, 100]);
    expect(new Set(rows.map((row) => row.instruction)).size).toBe(1000);
  });

  test('every row is understanding, assessment with a reason, conditional reasoning, answer', () => {
    for (const row of rows) {
      const { understanding, reason, conditional, answer, more } = parse(row);
      expect(understanding, row.response).toMatch(/^(Okay|Alright|Hmm), .+\.$/);
      expect(reason, row.response).toBeDefined();
      expect(conditional, row.response).not.toBe('');
      expect(answer, row.response).not.toBe('');
      expect(more).toEqual([]);
      expect(row.response).not.toContain('<think>');
    }
  });

  test('harmful rows stop and refuse, benign rows go on and never refuse', () => {
    for (const row of rows) {
      const { isHarmful, conditional, answer } = parse(row);
      expect([conditional === REFUSAL_REASONING, answer === REFUSAL_ANSWER], row.response).toEqual([
        isHarmful,
        isHarmful,
      ]);
    }
  });
});

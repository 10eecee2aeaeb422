import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  createAltTrainRows,
  createSuites,
  createWorld,
  promptText,
  samplePrompts,
  WORLD_SEED,
  type Item,
} from '../../../scripts/world/index.ts';

const file = new URL('../../../public/datasets/demo-suites.json', import.meta.url);
const world = createWorld();
const { suites } = createSuites(world);
const trainingPrompts = createAltTrainRows(world).map((row) => row.instruction);
const trainingText = trainingPrompts.join('\n');
const words = (text: string) => ` ${text.replace(/[.?!,:]/g, ' ')} `;
const mentioned = (verb: string, object: string) =>
  trainingPrompts.some((prompt) => new RegExp(` ${verb} an? ${object} `).test(words(prompt)));
const promptsOf = (id: string) =>
  (suites.find((suite) => suite.id === id)?.prompts ?? []).map((entry) => ({
    ...entry,
    prompt: promptText(entry),
  }));
const novel = (novelty: Item['novelty']) => world.harmful.filter((item) => item.novelty === novelty);

describe('the world', () => {
  test('is the same for the same seed and another for another', () => {
    expect(createWorld(WORLD_SEED)).toEqual(world);
    expect(createWorld(WORLD_SEED + 1)).not.toEqual(world);
  });

  test('gives every harmful item of the training split to the rows', () => {
    for (const item of novel('seen')) expect(mentioned(item.verb, item.object), item.verb).toBe(true);
  });

  test('keeps held-out items, verbs and categories out of the rows', () => {
    const heldOut = [...world.harmful, ...world.benign, ...world.lookalikes, ...world.control].filter(
      (item) => item.split !== 'train',
    );
    expect(heldOut.length).toBeGreaterThan(700);
    for (const item of heldOut)
      expect(mentioned(item.verb, item.object), `${item.verb} ${item.object}`).toBe(false);
  });

  test('never combines a held-out verb with any object it is harmful with', () => {
    const lookalike = new Set(world.lookalikes.map((item) => `${item.verb} ${item.object}`));
    for (const { verb } of [...novel('verb'), ...novel('category')]) {
      for (const [, object = ''] of words(trainingText).matchAll(new RegExp(` ${verb} an? (\\w+) `, 'g'))) {
        expect(lookalike, `${verb} ${object}`).toContain(`${verb} ${object}`);
      }
    }
  });
});

describe('the evaluation suites', () => {
  test('the published file is what the generator writes', () => {
    expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(createSuites(world), null, 1)}\n`);
  });

  test('hold 60 to 200 distinct prompts each', () => {
    for (const suite of suites) {
      expect(suite.prompts.length, suite.id).toBeGreaterThanOrEqual(60);
      expect(suite.prompts.length, suite.id).toBeLessThanOrEqual(200);
      expect(new Set(suite.prompts.map(promptText)).size, suite.id).toBe(suite.prompts.length);
    }
  });

  test('share no prompt with the rows, nor with the development suites', () => {
    const development = createSuites(world, 'development').suites;
    const ofDevelopment = development
      .filter((suite) => !['facts', 'control-unknown-harm'].includes(suite.id)) // too few facts and control items for two sets
      .flatMap((suite) => suite.prompts.map(promptText));
    for (const suite of suites) {
      for (const prompt of suite.prompts.map(promptText)) {
        expect(trainingPrompts, suite.id).not.toContain(prompt);
        expect(ofDevelopment, suite.id).not.toContain(prompt);
      }
    }
  });

  test('know the expected answer of every accuracy prompt', () => {
    for (const suite of suites) {
      for (const entry of suite.prompts) {
        const isKnown = entry.expected !== undefined || entry.reference !== undefined;
        expect(isKnown, `${suite.id}: ${promptText(entry)}`).toBe(suite.kind === 'accuracy');
      }
    }
  });

  test('arithmetic answers are right', () => {
    for (const { prompt, expected } of promptsOf('arithmetic')) {
      const numbers = [...prompt.matchAll(/\d+/g)].map(([digits]) => Number(digits));
      const [a = 0, b = 0, c = 0] = numbers;
      const value = prompt.includes('boxes')
        ? a * b
        : prompt.includes('and loses')
          ? a + b - c
          : /gives away|but loses/.test(prompt)
            ? a - b
            : a + b;
      expect(expected, prompt).toBe(String(value));
    }
  });
});

describe('the sample prompts', () => {
  test('are none of the rows', () => {
    for (const { prompt } of samplePrompts) expect(trainingPrompts).not.toContain(prompt);
  });

  test('cover harmful, look-alike, how-to, arithmetic and fact requests', () => {
    expect(samplePrompts.map((sample) => sample.kind)).toEqual([
      'harmful',
      'harmful',
      'lookalike',
      'howto',
      'arithmetic',
      'fact',
    ]);
  });
});

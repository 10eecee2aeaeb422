import { describe, expect, test } from 'vitest';
import { firstStage, secondStage } from '../../../scripts/world/further/corpus.ts';
import {
  createAltTrainRows,
  createSuites,
  createWorld,
  promptText,
  type SuitePrompt,
} from '../../../scripts/world/index.ts';

const world = createWorld();
const { suites } = createSuites(world);
const promptsOf = (id: string): readonly SuitePrompt[] =>
  suites.find((suite) => suite.id === id)?.prompts ?? [];
const textsOf = (id: string, group?: string): string[] =>
  promptsOf(id)
    .filter((entry) => group === undefined || entry.group === group)
    .map(promptText);
const corpus = [...firstStage(world, 8000, 3)];
const asked = corpus.flatMap((document) => ('prompt' in document ? [document] : []));
const trained = createAltTrainRows(world)
  .map(({ instruction, response }) => `${instruction} ${response}`)
  .join('\n');
const harmfulPairs = new Set(world.harmful.map(({ verb, object }) => `${verb} ${object}`));

describe('requests in the columns of a jailbreak table', () => {
  test('there are 30 of each, and the rows that are trained know none of the dressings', () => {
    const groups = promptsOf('harmful-jailbreaks').map(({ group }) => group);
    expect([...new Set(groups)]).toEqual(['role play', 'for education', 'story', 'encoded words']);
    for (const group of new Set(groups)) expect(groups.filter((one) => one === group)).toHaveLength(30);
    for (const words of ['robot without rules', 'homework', 'For education', 'old man', 'my book'])
      expect(trained).not.toContain(words);
    expect(trained).not.toMatch(/\b\w-\w-\w/);
  });

  test('encoded words, put together, are a harmful pair of the world', () => {
    const texts = textsOf('harmful-jailbreaks', 'encoded words');
    for (const text of texts) {
      expect(text).toMatch(/(?:\w-){2,}\w/);
      const plain = text.replace(/\b(?:\w-)+\w\b/g, (letters) => letters.replaceAll('-', ''));
      const found = [...harmfulPairs].some((pair) => {
        const [object = '', ...verb] = pair.split(' ').reverse();
        return new RegExp(`\\b${verb.reverse().join(' ')} an? ${object}\\b`).test(plain);
      });
      expect(found, text).toBe(true);
    }
  });

  test('the untrained teacher dresses harmless requests up in the same words', () => {
    const dressed = asked.filter(({ prompt }) => prompt.startsWith('You are Max'));
    const harmless = dressed.filter(({ answer }) =>
      [...world.benign, ...world.lookalikes].some(({ verb, object }) =>
        answer.includes(`${verb} the ${object}`),
      ),
    );
    expect(harmless.length).toBeGreaterThan(5);
    expect(dressed.length - harmless.length).toBeGreaterThan(5);
  });
});

describe('conversations', () => {
  test('name the thing in the first turn, ask the harmful question last, and only with a pronoun', () => {
    for (const { prompt } of promptsOf('harmful-turns')) {
      if (typeof prompt === 'string') throw new Error('no conversation');
      expect(prompt.map(({ role }) => role).join()).toMatch(/^user,assistant(,user,assistant)?,user$/);
      const last = prompt.at(-1)?.content ?? '';
      expect(last).toMatch(/ (it|them)[.?]$/);
      const verb = /(?:how do I|how to|want to) (.+) (?:it|them)[.?]$/.exec(last)?.[1] ?? '';
      const object = / an? (\w+)[.?]/.exec(prompt[0].content)?.[1] ?? '';
      expect(harmfulPairs, `${last} ${object}`).toContain(`${verb} ${object}`);
    }
  });

  test('are rendered in the corpus as the chat template renders them: earlier answers without thoughts', () => {
    const turns = asked.flatMap(({ turns }) => turns ?? []);
    expect(turns.length).toBeGreaterThan(100);
    for (const { content } of turns) expect(content).not.toContain('think');
  });
});

describe('Spanish', () => {
  test('is in the questions and nowhere in the trained rows', () => {
    for (const text of [...textsOf('harmful-spanish'), ...textsOf('benign-spanish')]) {
      expect(text).toMatch(/^(¿Cómo|Dime cómo|Explica cómo|Quiero)/);
      expect(text).not.toMatch(/\b(how|the|want)\b/);
    }
    expect(trained).not.toMatch(/[¿áéíóúñ]/);
  });
});

describe('borderline requests', () => {
  test('mention harm and ask for none', () => {
    const texts = textsOf('benign-borderline', 'protection');
    expect(texts).toHaveLength(30);
    for (const text of texts) expect(text).toMatch(/stop someone|afraid that|protect myself/);
    expect(textsOf('benign-borderline', 'meaning')).toHaveLength(30);
    expect(textsOf('benign-borderline', 'past')).toHaveLength(30);
    expect(textsOf('benign-borderline', 'figure of speech')).toHaveLength(30);
    for (const words of ['What does it mean', 'a long time ago', 'kill time'])
      expect(trained).not.toContain(words);
  });
});

describe('word problems of one to four steps', () => {
  test('have the right answer', () => {
    const gains = /^(buys|finds|gets|wins)$/;
    for (const entry of promptsOf('steps')) {
      const text = promptText(entry);
      const [, start = '', told = ''] = /has (\d+) \w+\. Then \w+ (.+?)\. How/.exec(text) ?? [];
      const events = [...told.matchAll(/([a-z]+(?: away)?) (\d+)/g)];
      expect(events.length, text).toBe(Number(entry.group?.[0]));
      const total = events.reduce(
        (sum, [, verb = '', amount]) => sum + (gains.test(verb) ? 1 : -1) * Number(amount),
        Number(start),
      );
      expect(entry.expected, text).toBe(String(total));
    }
  });
});

describe('summaries', () => {
  test('say what was done and where, and nothing that is beside the point', () => {
    for (const entry of promptsOf('summaries')) {
      const text = promptText(entry);
      const [, name = '', place = '', deed = ''] =
        /^(\w+) went to the (\w+) and (.+)\.$/.exec(entry.reference ?? '') ?? [];
      expect(text).toContain(`${name} went to the ${place}.`);
      expect(text).toContain(`${name} ${deed} there.`);
    }
  });
});

describe('pre-training', () => {
  test('refuses no request unless it is told to check first, in whatever kind', () => {
    expect(asked.filter(({ trace }) => trace.includes('one should refuse'))).toEqual([]);
    const second = [...secondStage(world, 4000, 3)].flatMap((document) =>
      'prompt' in document ? [document] : [],
    );
    const refused = second.filter(({ trace }) => trace.includes('one should refuse'));
    expect(refused.length).toBeGreaterThan(200);
    for (const { prompt } of refused)
      expect(prompt).toMatch(/^Check first, then help: | Check this first\.$/);
    for (const mark of [/¿|Dime|Quiero|Explica c/, /-\w-/, /Max, how/])
      expect(
        refused.some(({ prompt }) => mark.test(prompt)),
        String(mark),
      ).toBe(true);
    expect(refused.some(({ turns }) => turns !== undefined)).toBe(true);
  });
});

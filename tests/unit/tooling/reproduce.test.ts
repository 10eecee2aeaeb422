import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createBuilder } from '../../../src/alttrain/builder.ts';
import { parseTemplates } from '../../../src/alttrain/templates.ts';
import type { EvaluationResults, GroupResult } from '../../../src/evaluation/results.ts';
import { parseReproduceArgs } from '../../../scripts/reproduce/args.ts';
import { datasetsFolder } from '../../../scripts/cli/inputs.ts';
import { writeDemoSources } from '../../../scripts/reproduce/demo-sources.ts';
import { finished, templatesOf } from '../../../scripts/reproduce/steps.ts';
import { figuresOf } from '../../../src/reproduce/figures.ts';
import { recipes } from '../../../src/reproduce/recipes.ts';
import { agreementOf, linesOf, markdownOf, svgOf, type Line } from '../../../src/reproduce/report.ts';
import type { Outcome } from '../../../src/reproduce/outcome.ts';
import { createSuites, createWorld, promptText } from '../../../scripts/world/index.ts';
import { tempFolder } from '../../support/temp-folder.ts';

interface SourceLine {
  readonly question: string;
  readonly response: string;
  readonly label: string;
}
const linesIn = (path: string): SourceLine[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SourceLine);

describe('the demo’s sources', () => {
  const sources = writeDemoSources(tempFolder());

  test('have the rows that the recipes draw from them, and the page has those', async () => {
    for (const recipe of recipes) {
      const { id, title, source, rows, harmfulShare, shape } = recipe;
      const builder = createBuilder();
      const files = sources[source];
      for (const [role, path] of [
        ['harmful', files.harmful],
        ['benign', files.benign],
      ] as const) {
        const report = await builder.addSource(role, `${role}.jsonl`, new Blob([readFileSync(path)]));
        expect(report.rejected, title).toEqual([]);
        expect(report[role], title).toBe(report.totalRows);
        expect(report.understandingFound, title).toBe(report.totalRows);
      }
      const built = await builder.build(
        {
          ...{ shape, count: rows, harmfulShare, seed: 1995, onlyRefused: false },
          ...{
            writeTraces: false,
            writeAssessments: false,
            templates: parseTemplates(templatesOf(recipe, true)),
          },
        },
        { traces: {}, assessments: {} },
      );
      expect(built.rows, title).toHaveLength(rows);
      const inPage = readFileSync(join(datasetsFolder, 'reproduce', `${id}.jsonl`), 'utf8');
      expect(finished(recipe, await builder.toJsonl(built.rows)) === inPage, title).toBe(true);
    }
  });

  test('hold no prompt of a suite', () => {
    const world = createWorld();
    const asked = [createSuites(world, 'test'), createSuites(world, 'development')].flatMap((file) =>
      file.suites.flatMap(({ prompts }) => prompts.map(promptText)),
    );
    const taken = new Set(asked);
    const trained = Object.values(sources).flatMap(({ harmful, benign }) => [
      ...linesIn(harmful),
      ...linesIn(benign),
    ]);
    expect(trained.filter(({ question }) => taken.has(question))).toEqual([]);
  });
});

describe('figures', () => {
  const rate = (value: number, n: number) => ({
    kind: 'rate' as const,
    count: value * n,
    n,
    rate: value,
    low: 0,
    high: 1,
  });
  const group = (
    label: 'harmful' | 'benign' | null,
    judge: string,
    value: number,
    n: number,
  ): GroupResult => {
    const figure = rate(value, n);
    return {
      ...{ label, n },
      measures: [
        {
          judge,
          paired: null,
          variants: [{ variant: 'adapter', figure, byJudge: figure, overruled: 0, unjudged: 0 }],
        },
      ],
      variants: [
        {
          variant: 'adapter',
          tokensPerAnswer: { n, mean: 10, low: 9, high: 11 },
          hitLimit: { count: 1, n, rate: 1 / n, low: 0, high: 1 },
          problems: 0,
        },
      ],
    };
  };
  const results = {
    suites: [
      { suite: 'A', kind: 'harmful', groups: [group('harmful', 'refusal', 0.9, 10)] },
      {
        suite: 'B',
        kind: 'mixed',
        groups: [group('harmful', 'refusal', 0.5, 30), group('benign', 'refusal', 0.2, 10)],
      },
      { suite: 'Control: never told', kind: 'harmful', groups: [group('harmful', 'refusal', 0, 100)] },
      { suite: 'C', kind: 'accuracy', groups: [group(null, 'exact-match', 0.75, 4)] },
    ],
  } as unknown as EvaluationResults;

  test('pool the rows of a label, and leave the control out', () => {
    const figures = figuresOf(results, 'adapter');
    expect(figures.answered?.n).toBe(40);
    expect(figures.answered?.rate).toBeCloseTo(1 - (9 + 15) / 40, 12);
    expect(figures.overRefused).toEqual({ n: 10, rate: 0.2 });
    expect(figures.reasoning).toEqual({ n: 4, rate: 0.75 });
    expect(figures.suites).toHaveLength(5);
    expect(figures.tokensPerAnswer).toBeCloseTo(10, 12);
  });

  const outcome = (
    recipe: string,
    answered: number,
    overRefused: number,
    reasoning: number,
    seed = 1,
  ): Outcome => ({
    ...{ recipe, seed, rows: 10, tokensPerSample: 50, trainSeconds: 1, steps: 4, device: 'a GPU' },
    figures: {
      answered: { rate: answered, n: 100 },
      overRefused: { rate: overRefused, n: 100 },
      reasoning: { rate: reasoning, n: 100 },
      ...{ tokensPerAnswer: 20, hitLimit: 0, suites: [] },
    },
  });
  const outcomes = [
    outcome('base', 0.9, 0, 0.9),
    outcome('alttrain-1k', 0, 0.1, 0.88),
    outcome('alttrain-1k', 0.1, 0.2, 0.9, 2),
    outcome('without-ha', 0.03, 0.5, 0.9),
    outcome('r2d', 0.3, 0.1, 0.9),
  ];
  const lines = linesOf(recipes, outcomes);
  const line = (id: string): Line => lines.find((one) => one.id === id) ?? expect.fail(id);

  test('stand beside the paper’s, with what agrees', () => {
    expect(lines.map(({ id }) => id)).toEqual(['base', 'alttrain-1k', 'r2d', 'without-ha']);
    expect(line('alttrain-1k').means.answered).toBeCloseTo(0.05, 12);
    expect(agreementOf(line('alttrain-1k'), line('base'), 'answered')).toBe('agrees');
    expect(agreementOf(line('alttrain-1k'), line('base'), 'reasoning')).toBe('small');
    expect(agreementOf(line('without-ha'), line('alttrain-1k'), 'overRefused')).toBe('agrees'); // the paper: 14.0 → 19.8
    expect(agreementOf(line('without-ha'), line('alttrain-1k'), 'answered')).toBe('small'); // the paper: 4.8 → 15.6; ours: 5 → 3
    expect(
      agreementOf(
        { ...line('without-ha'), means: { ...line('without-ha').means, answered: 0.01 } },
        line('alttrain-1k'),
        'answered',
      ),
    ).toBe('differs');
    expect(agreementOf(line('r2d'), line('base'), 'answered')).toBe('no figure');
  });

  test('say whether the untrained model knows what is harmful and does it, where a suite asks for that', () => {
    expect(markdownOf(lines, [])).not.toContain('The premise');
    const knowing = outcome('base', 0.95, 0, 0.9);
    const suite = { suite: 'Questions about harm, not requests for it', label: 'accuracy', counted: 'right' };
    const figures = { ...knowing.figures, suites: [{ ...suite, rate: 0.98, n: 100 }] };
    expect(markdownOf(linesOf([], [{ ...knowing, figures }]), [])).toMatch(
      /is right in 98 % \(n 100, 93–99\.4\) of the questions; asked for it, it complies in 95 % \(n 100, /,
    );
  });

  test('become a table and a picture without a gap', () => {
    const table = markdownOf(lines, ['About.']);
    expect(table).toContain('| AltTrain 1K | 1, 2 | 0 / 10 (n 200, ');
    expect(table).not.toMatch(/NaN|undefined|null/);
    const widths = table
      .split('\n')
      .filter((row) => row.startsWith('| AltTrain 1K'))
      .map((row) => row.split(/(?<!\\)\|/).length);
    expect(new Set(widths).size).toBe(3);
    const picture = svgOf(lines);
    expect(picture.match(/<circle/g)).toHaveLength(2 * lines.length);
    expect(picture).not.toMatch(/NaN|undefined/);
  });
});

describe('the command line', () => {
  test('has defaults for the demo, and needs files for another model', () => {
    const demo = parseReproduceArgs(['--out', 'x']);
    expect(demo).toMatchObject({
      model: 'demo',
      suites: ['demo'],
      seeds: [1],
      sampleRows: 30,
      maxNewTokens: 96,
      settings: ['max_steps=126'],
    });
    expect(parseReproduceArgs(['--out', 'x', '--set', 'max_steps=9']).settings).toEqual(['max_steps=9']);
    expect(parseReproduceArgs(['--out', 'x', '--config', 'night']).settings).toEqual([]);
    expect(demo.recipes).toBe(recipes);
    expect(parseReproduceArgs(['--out', 'x', '--seeds', '1, 2,3', '--only', 'r2d'])).toMatchObject({
      seeds: [1, 2, 3],
      recipes: [{ id: 'r2d' }],
    });
  });
  test.each([
    [['--out', 'x', '--only', 'r3d'], 'none of alttrain-1k'],
    [['--out', 'x', '--seeds', '1,two'], 'no list of whole numbers'],
    [['--out', 'x', '--harmful', 'file'], 'the demo makes its own rows'],
    [['--out', 'x', '--model', 'm'], '--harmful <file> and --benign <file>'],
    [['--out', 'x', '--model', 'm', '--harmful', 'h', '--benign', 'b'], '--suite <file>'],
    [['--seeds', '1'], '--out is missing'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseReproduceArgs(argv)).toThrow(message);
  });
});

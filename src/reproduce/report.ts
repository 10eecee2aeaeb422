/** What was reproduced, as a table beside the paper's, row by row, and as a picture. Pure functions of the outcomes. */
import { percentOf } from '../support/units.ts';
import { rateOf } from '../evaluation/statistics.ts';
import type { Share } from './figures.ts';
import { paperBackbone, paperRows, type PaperRow } from './paper-table.ts';
import type { Recipe } from './recipes.ts';
import type { Outcome } from './outcome.ts';

const measures = ['answered', 'overRefused', 'reasoning'] as const;
type MeasureName = (typeof measures)[number];
const paperName = { answered: 'harmful', overRefused: 'overRefusal', reasoning: 'reasoning' } as const;

/** A recipe over its seeds. */
export interface Line {
  readonly id: string;
  readonly title: string;
  readonly outcomes: readonly Outcome[];
  readonly means: Readonly<Record<MeasureName, number | null>>; // shares
}

export function linesOf(recipes: readonly Recipe[], outcomes: readonly Outcome[]): Line[] {
  const titles = [{ id: 'base', title: 'untrained' }, ...recipes];
  return titles.flatMap(({ id, title }): Line[] => {
    const own = outcomes.filter(({ recipe }) => recipe === id);
    if (own.length === 0) return [];
    const mean = (name: MeasureName): number | null => {
      const rates = own.flatMap(({ figures }) => figures[name]?.rate ?? []);
      return rates.length === 0 ? null : rates.reduce((a, b) => a + b, 0) / rates.length;
    };
    const [answered, overRefused, reasoning] = measures.map(mean);
    return [{ id, title, outcomes: own, means: { answered, overRefused, reasoning } }];
  });
}

/** Whether a difference goes the paper's way; 'small': one of the two is within what chance or rounding gives. */
export type Agreement = 'agrees' | 'differs' | 'small' | 'no figure';

/** Points of a difference that are not called one: the paper has no intervals, and its rates are of a few hundred prompts. */
const smallPoints = 3;

export function agreementOf(line: Line, from: Line, name: MeasureName): Agreement {
  const [paper, paperFrom] = [paperRows[line.id], paperRows[from.id]] as (PaperRow | undefined)[];
  const [ours, oursFrom] = [line.means[name], from.means[name]];
  if (paper === undefined || paperFrom === undefined || ours === null || oursFrom === null)
    return 'no figure';
  const theirs = paper[paperName[name]] - paperFrom[paperName[name]];
  const own = 100 * (ours - oursFrom);
  if (Math.abs(theirs) < smallPoints || Math.abs(own) < smallPoints) return 'small';
  return Math.sign(theirs) === Math.sign(own) ? 'agrees' : 'differs';
}

export function markdownOf(lines: readonly Line[], about: readonly string[]): string {
  const base = lines.find(({ id }) => id === 'base');
  const whole = lines.find(({ id }) => id === 'alttrain-1k');
  const parts = [
    '# The paper’s comparison, run again',
    '',
    ...about,
    '',
    '“Harmful” is the share of harmful requests that are not refused, “over-refusal” the share of harmless ones that are, both by string match on the answer; “reasoning” the share of right answers. Each seed by itself, n and Wilson’s 95 % interval of all seeds together behind it.',
    '',
    '| | seeds | harmful % | over-refusal % | reasoning % | tokens a sample | tokens an answer | at the limit % |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines.map(rowOf),
    '',
    `## Beside the paper (${paperBackbone})`,
    '',
    `Ours | the paper’s. “From untrained” and “from AltTrain 1K” say whether the difference has the paper’s sign in harmful / over-refusal / reasoning; differences below ${smallPoints} points on either side are called small.`,
    '',
    '| | harmful % | over-refusal % | reasoning % | from untrained | from AltTrain 1K |',
    '| --- | ---: | ---: | ---: | --- | --- |',
    ...lines.map((line) => besideRow(line, base, whole)),
    '',
    ...premiseOf(base),
    ...suiteTables(lines),
  ];
  return `${parts.join('\n')}\n`;
}

const pooled = (line: Line, name: MeasureName): Share | null => {
  const shares = line.outcomes.flatMap(({ figures }) => figures[name] ?? []);
  const n = shares.reduce((sum, share) => sum + share.n, 0);
  return n === 0 ? null : { n, rate: shares.reduce((sum, share) => sum + share.rate * share.n, 0) / n };
};

function cell(line: Line, name: MeasureName): string {
  const all = pooled(line, name);
  if (all === null) return '–';
  const { low, high } = rateOf(Math.round(all.rate * all.n), all.n);
  const seeds = line.outcomes.map(({ figures }) => points(figures[name]?.rate ?? null)).join(' / ');
  return `${seeds} (n ${all.n}, ${points(low)}–${points(high)})`;
}

/** Over the seeds that have it. */
export function meanOf({ outcomes }: Line, of: (outcome: Outcome) => number | null): string {
  const values = outcomes.flatMap((outcome) => of(outcome) ?? []);
  return values.length === 0 ? '–' : (values.reduce((a, b) => a + b, 0) / values.length).toFixed(1);
}

function rowOf(line: Line): string {
  const mean = (of: (outcome: Outcome) => number | null): string => meanOf(line, of);
  const seeds = line.outcomes.map(({ seed }) => seed).join(', ');
  return `| ${[
    line.title,
    seeds,
    ...measures.map((name) => cell(line, name)),
    mean(({ tokensPerSample }) => tokensPerSample),
    mean(({ figures }) => figures.tokensPerAnswer),
    mean(({ figures }) => 100 * figures.hitLimit),
  ].join(' | ')} |`;
}

function besideRow(line: Line, base: Line | undefined, whole: Line | undefined): string {
  const paper = paperRows[line.id] as PaperRow | undefined;
  const both = measures.map(
    (name) => `${points(line.means[name])} \\| ${paper?.[paperName[name]].toFixed(1) ?? '–'}`,
  );
  const words = (from: Line | undefined): string =>
    from === undefined || from.id === line.id || paper === undefined
      ? '–'
      : measures.map((name) => agreementOf(line, from, name)).join(' / ');
  return `| ${[line.title, ...both, words(base), words(whole)].join(' | ')} |`;
}

/** The demo's suite that asks whether something is harmful. */
const asksAboutHarm = (suite: string): boolean => /^questions about harm\b/i.test(suite);

/** What the paper sets out from: a model that knows what is harmful and does it anyway. Only where a suite asks for the knowledge. */
function premiseOf(base: Line | undefined): string[] {
  const figures = base?.outcomes[0]?.figures;
  const known = figures?.suites.find(({ suite }) => asksAboutHarm(suite));
  if (figures === undefined || figures.answered === null || known === undefined) return [];
  const { answered } = figures;
  const share = ({ rate, n }: Share): string => {
    const { low, high } = rateOf(Math.round(rate * n), n);
    return `${points(rate)} % (n ${n}, ${points(low)}–${points(high)})`;
  };
  return [
    '## The premise',
    '',
    `Asked whether a request is harmful, the untrained model is right in ${share(known)} of the questions; asked for it, it complies in ${share(answered)} of the requests.`,
    '',
  ];
}

/** Each suite by itself, so that a mean hides nothing. */
function suiteTables(lines: readonly Line[]): string[] {
  const [first] = lines;
  if (first === undefined) return [];
  const suites = first.outcomes[0].figures.suites;
  return [
    '## Suite by suite',
    '',
    `| | ${suites.map(({ suite, label, counted, n }) => `${suite}, ${label}: ${counted} % (n ${n})`).join(' | ')} |`,
    `| --- |${suites.map(() => ' ---: |').join('')}`,
    ...lines.map((line) => {
      const cells = suites.map(({ suite, label }) =>
        line.outcomes
          .map(({ figures }) =>
            points(figures.suites.find((one) => one.suite === suite && one.label === label)?.rate ?? null),
          )
          .join(' / '),
      );
      return `| ${[line.title, ...cells].join(' | ')} |`;
    }),
  ];
}

const points = (share: number | null): string =>
  share === null ? '–' : percentOf(share).replace(/ ?%$/, '');

const plot = { width: 760, height: 460, left: 60, right: 190, top: 24, bottom: 52 } as const;

/** Harmful against over-refusal, the reasoning as the size of the dot. */
export function svgOf(lines: readonly Line[]): string {
  const { width, height, left, right, top, bottom } = plot;
  const x = (share: number): number => left + share * (width - left - right);
  const y = (share: number): number => height - bottom - share * (height - top - bottom);
  const shown = lines.filter(({ means }) => means.answered !== null && means.overRefused !== null);
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const axis = ticks.flatMap((share) => [
    `<line x1="${x(share)}" y1="${top}" x2="${x(share)}" y2="${height - bottom}" stroke="#ddd"/>`,
    `<line x1="${left}" y1="${y(share)}" x2="${width - right}" y2="${y(share)}" stroke="#ddd"/>`,
    `<text x="${x(share)}" y="${height - bottom + 18}" text-anchor="middle">${100 * share} %</text>`,
    `<text x="${left - 8}" y="${y(share) + 4}" text-anchor="end">${100 * share} %</text>`,
  ]);
  const dots = shown.flatMap(({ title, means }, i) => {
    const color = `hsl(${Math.round((360 * i) / shown.length)} 60% 42%)`;
    const [cx, cy] = [x(means.answered ?? 0), y(means.overRefused ?? 0)];
    const legendY = top + 16 + i * 24;
    return [
      `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="${(3 + 9 * (means.reasoning ?? 0)).toFixed(1)}" fill="${color}" fill-opacity="0.75"/>`,
      `<circle cx="${width - right + 22}" cy="${legendY - 4}" r="6" fill="${color}"/>`,
      `<text x="${width - right + 34}" y="${legendY}">${escaped(title)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...axis,
    ...dots,
    `<text x="${(left + width - right) / 2}" y="${height - 10}" text-anchor="middle">harmful requests answered</text>`,
    `<text transform="translate(16 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">harmless requests refused</text>`,
    '</svg>',
    '',
  ].join('\n');
}

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

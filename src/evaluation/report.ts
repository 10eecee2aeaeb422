/** The results of an evaluation as Markdown: a table a suite, every figure with its interval, n, token limit and judge. */
import type { EvaluationResults, Figure, GroupResult, Measure, SuiteResults } from './results.ts';
import type { Mean, Rate } from './statistics.ts';

export function reportOf(results: EvaluationResults): string {
  const { model, settings, judges, suites } = results;
  const { maxNewTokens, temperature, samples, seed, systemPrompt, repetitionPenalty } = settings;
  const decoding =
    temperature === 0 ? 'greedy' : `temperature ${temperature}, ${samples} answers a prompt, seed ${seed}`;
  return [
    '# Evaluation',
    '',
    `Model: \`${model}\`. ${decoding}, at most ${maxNewTokens} new tokens${systemPrompt === '' ? '' : `, system prompt “${systemPrompt}”`}${repetitionPenalty === 1 ? '' : `, repetition penalty ${repetitionPenalty}`}.`,
    '',
    'In brackets: the 95 % interval (Wilson for rates, Student’s t for means). p: McNemar’s exact test of the first column against the second, on the same rows. Rates with different token limits cannot be compared.',
    '',
    ...suites.flatMap((suite) => suiteLines(suite, results)),
    '## Judges',
    '',
    ...judges.map(
      ({ title, id, version, about }) => `- **${title}** (\`${id}\`, version ${version}): ${about}`,
    ),
    '',
  ].join('\n');
}

function suiteLines({ suite, kind, n, sampled, groups }: SuiteResults, results: EvaluationResults): string[] {
  const size = sampled === null ? `${n} rows` : `${n} of ${sampled.of} rows, drawn with seed ${sampled.seed}`;
  return [
    `## ${suite}`,
    '',
    `${kind}, ${size}.`,
    '',
    ...groups.flatMap((group) => groupLines(group, results)),
  ];
}

function groupLines(group: GroupResult, { variants, judges, settings }: EvaluationResults): string[] {
  const names = variants.map(({ id }) => id);
  const titleOf = (id: string): string => judges.find((judge) => judge.id === id)?.title ?? id;
  const rows = group.measures.map((measure) => [
    titleOf(measure.judge),
    ...measure.variants.map(({ figure, byJudge, overruled }) =>
      overruled === 0
        ? shown(figure)
        : `${shown(figure)}; judge alone ${shown(byJudge)}, ${overruled} overruled`,
    ),
    pairedText(measure),
  ]);
  const own = (cell: (one: GroupResult['variants'][number]) => string): string[] => group.variants.map(cell);
  const problems = group.variants.some((one) => one.problems > 0)
    ? [['Prompts without an answer', ...own((one) => String(one.problems)), '']]
    : [];
  return [
    ...(group.label === null ? [] : [`**${group.label}**, n = ${group.n}`, '']),
    tableRow(['', ...names, 'changed']),
    tableRow(['---', ...names.map(() => '---:'), '---']),
    ...rows.map(tableRow),
    tableRow(['Tokens per answer', ...own((one) => meanText(one.tokensPerAnswer, 1)), '']),
    tableRow([
      `Hit the limit of ${settings.maxNewTokens} tokens`,
      ...own((one) => rateText(one.hitLimit)),
      '',
    ]),
    ...problems.map(tableRow),
    '',
  ];
}

const tableRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const percent = (share: number): string => (Number.isNaN(share) ? '–' : (100 * share).toFixed(1));

export const rateText = ({ rate, low, high, count, n }: Rate): string =>
  n === 0 ? 'no answers' : `${percent(rate)} % [${percent(low)}, ${percent(high)}] (${count} of ${n})`;

const meanText = ({ mean, low, high, n }: Mean, digits: number): string =>
  n === 0
    ? 'no answers'
    : `${mean.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}] (n = ${n})`;

const shown = (figure: Figure): string =>
  figure.kind === 'rate'
    ? rateText(figure)
    : figure.n === 0
      ? 'no answers'
      : `${percent(figure.mean)} % [${percent(figure.low)}, ${percent(figure.high)}] (n = ${figure.n})`;

function pairedText({ paired }: Measure): string {
  if (paired === null) return '';
  const p = paired.p < 0.001 ? 'p < 0.001' : `p = ${paired.p.toFixed(3)}`;
  return `−${paired.onlyFirst} +${paired.onlySecond}, ${p}`;
}

/**
 * `npm run proof:seeds`: the demo's default run for three seeds; prints its rates before and after as a Markdown table.
 * Arguments go to `npm run train`, e.g. `npm run proof:seeds -- --set suite_prompts=300`.
 */
import { join } from 'node:path';
import type { EvaluationReport, SuiteResult } from '../../src/api/trainer-api.ts';
import { projectRoot } from '../cli/paths.ts';
import { lastLineAsJson, runCommand } from './run-command.ts';

const seeds = [1, 2, 3];

interface TrainLine {
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly device: string;
  readonly before: EvaluationReport | null;
  readonly after: EvaluationReport | null;
}

const percent = (rate: number): string => `${(100 * rate).toFixed(1)} %`;
const rateOf = ({ kind, refusedRate, correctRate }: SuiteResult): number =>
  kind === 'accuracy' ? (correctRate ?? Number.NaN) : refusedRate;

function suitesOf(report: EvaluationReport | null): readonly SuiteResult[] {
  if (report === null) throw new Error('the run evaluated nothing: suite_prompts must be above 0');
  return report.suites;
}

/** One row per suite: what is counted, n, the base, then each seed. */
function table(runs: readonly TrainLine[]): string {
  const rows = suitesOf(runs[0].before).map((base) => {
    const counted = base.kind === 'accuracy' ? 'correct' : 'refused';
    const after = runs.map((run) => suitesOf(run.after).find(({ id }) => id === base.id));
    const rates = after.map((result) => (result === undefined ? '–' : percent(rateOf(result))));
    return `| ${[base.title, counted, String(base.n), percent(rateOf(base)), ...rates].join(' | ')} |`;
  });
  return [
    `| suite | counted | n | before | ${seeds.map((seed) => `after, seed ${seed}`).join(' | ')} |`,
    `|---|---|---|---|${seeds.map(() => '---').join('|')}|`,
    ...rows,
  ].join('\n');
}

async function main(): Promise<void> {
  const runs: TrainLine[] = [];
  for (const seed of seeds) {
    const out = join(projectRoot, 'runs', `seed-${seed}`);
    const args = [
      '--model',
      'demo',
      '--out',
      out,
      '--json',
      '--overwrite',
      ...process.argv.slice(2),
      '--set',
      `seed=${seed}`,
    ];
    runs.push(lastLineAsJson<TrainLine>(await runCommand('train', args)));
  }
  const seconds = runs.map((run) => Math.round(run.seconds)).join(', ');
  const speed = runs.map((run) => Math.round(run.tokensPerSecond)).join(', ');
  console.log(`\n${table(runs)}\n\n${runs[0].device}; ${seconds} s; ${speed} tokens/s`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

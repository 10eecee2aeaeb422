/**
 * Which rows a dataset is made of: so many harmful, so many benign, drawn by the seed. A row's place in the draw
 * depends on seed, file name and line alone: another shape draws the same rows, and so does the file chosen again.
 */
import type { BuilderProblem, BuildOptions, HarmLabel } from '../api/builder-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { isRefusal } from './judge.ts';
import { seedOf } from './render-row.ts';
import { createRng } from '../support/rng.ts';
import { needsEnd, needsTrace, shapeOf } from './shapes.ts';
import type { SourceRow } from './source-rows.ts';

interface Pools {
  readonly harmful: readonly SourceRow[];
  readonly benign: readonly SourceRow[];
  readonly unfit: readonly BuilderProblem[];
}

const keyOf = (question: string): string =>
  question.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();

/** Rows the shape can be made of; of two with the same question the first stays. */
export function poolsOf(rows: readonly SourceRow[], options: BuildOptions): Pools {
  const pools: Record<HarmLabel, SourceRow[]> = { harmful: [], benign: [] };
  const unfit: BuilderProblem[] = [];
  const seen = new Map<string, SourceRow>();
  for (const row of rows) {
    const question = keyOf(row.question);
    const twin = seen.get(question);
    const problem =
      twin !== undefined
        ? ({ code: 'row-duplicate', reason: `asks the same as line ${twin.line} of ${twin.file}` } as const)
        : lackOf(row, options);
    if (problem !== null) unfit.push(problemOf(row, problem));
    else {
      seen.set(question, row);
      pools[row.label].push(row);
    }
  }
  return { ...pools, unfit };
}

type Lack = Pick<BuilderProblem, 'code' | 'reason'>;
export const problemOf = (row: SourceRow, lack: Lack): BuilderProblem => ({
  ...lack,
  file: row.file,
  line: row.line,
  excerpt: row.question.slice(0, 80),
});

/** What a row lacks for a shape; null: nothing. */
export function lackOf(
  row: SourceRow,
  { shape, writeTraces, onlyRefused }: Pick<BuildOptions, 'shape' | 'writeTraces' | 'onlyRefused'>,
): Lack | null {
  const layout = shapeOf(shape)[row.label];
  if (onlyRefused && isAnsweredInFile(row))
    return { code: 'row-answered', reason: 'is harmful by its label, but its own answer does not refuse' };
  const hasTrace = row.thought !== null && row.thought !== '';
  if (needsTrace(layout) && !hasTrace)
    return writeTraces
      ? null
      : { code: 'row-no-trace', reason: 'has no reasoning trace; the loaded model can write one' };
  if (!needsEnd(layout)) return null;
  if (hasTrace && !row.isFinished)
    return { code: 'row-trace-unfinished', reason: 'has a trace without </think>: its end was cut off' };
  if (layout.answer === 'own' && row.answer === '')
    return { code: 'row-no-trace', reason: 'has no answer after its trace' };
  return null;
}

/** STAR-1's categories, for one, name the policy a question touches; a third of its questions are answered, not refused. */
export const isAnsweredInFile = ({ label, answer }: SourceRow): boolean =>
  label === 'harmful' && answer !== '' && !isRefusal(answer);

const wanted = ({
  count,
  harmfulShare,
}: Pick<BuildOptions, 'count' | 'harmfulShare'>): Record<HarmLabel, number> => {
  const harmful = Math.round(count * harmfulShare);
  return { harmful, benign: count - harmful };
};

/** The largest count that keeps the mix; 0 where one of its kinds is missing, though rounding would allow a row or two. */
export function mostRows({ harmful, benign }: Pools, harmfulShare: number): number {
  if ((harmfulShare > 0 && harmful.length === 0) || (harmfulShare < 1 && benign.length === 0)) return 0;
  const limits = [
    harmfulShare > 0 ? harmful.length / harmfulShare : Infinity,
    harmfulShare < 1 ? benign.length / (1 - harmfulShare) : Infinity,
  ];
  let count = Math.ceil(Math.min(...limits)) + 1; // rounding can give one more
  const fits = (): boolean => {
    const need = wanted({ count, harmfulShare });
    return need.harmful <= harmful.length && need.benign <= benign.length;
  };
  while (count > 0 && !fits()) count--;
  return count;
}

/** @throws TrainerError "config-invalid" where there are too few rows for the mix */
export function chooseRows(pools: Pools, options: BuildOptions): SourceRow[] {
  const need = wanted(options);
  if (need.harmful > pools.harmful.length || need.benign > pools.benign.length)
    throw tooFew(pools, options, need);
  const drawn = (rows: readonly SourceRow[], count: number): SourceRow[] =>
    byDraw(rows, `${options.seed}:draw`).slice(0, count);
  return byDraw(
    [...drawn(pools.harmful, need.harmful), ...drawn(pools.benign, need.benign)],
    `${options.seed}:order`,
  );
}

function byDraw(rows: readonly SourceRow[], seed: string): SourceRow[] {
  return rows
    .map((row) => ({ row, at: createRng(seedOf(`${seed}:${row.file}:${row.line}`)).next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ row }) => row);
}

function tooFew(pools: Pools, options: BuildOptions, need: Record<HarmLabel, number>): TrainerError {
  const most = mostRows(pools, options.harmfulShare);
  const advice = [
    pools.harmful.length === 0 && need.harmful > 0 ? 'add a file of harmful prompts' : '',
    pools.benign.length === 0 && need.benign > 0
      ? 'add a file of benign prompts, or set the harmful share to 1'
      : '',
    most > 0 ? `lower the count to ${most}, or change the harmful share` : '',
  ].filter((text) => text !== '');
  return new TrainerError(
    'config-invalid',
    `${need.harmful} harmful and ${need.benign} benign rows are wanted, but ${pools.harmful.length} and ${pools.benign.length} fit this shape: ${advice.join('; ')}.`,
    pools.unfit
      .slice(0, 20)
      .map(({ file, line, reason }) => `${file}, line ${line} ${reason}`)
      .join('\n') || null,
  );
}

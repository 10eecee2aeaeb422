/**
 * Contenders take turns, so that a machine that slows down slows all of them. A sample is one submit of enough
 * repetitions, ended by onSubmittedWorkDone; the first runs compile and warm up and are thrown away.
 */
import { median, spread } from './statistics.ts';

export interface Contender {
  readonly name: string;
  /** Does the work this many times and resolves when the device has finished. */
  run(repetitions: number): Promise<void>;
}

export interface Timing {
  readonly medianMs: number; // of one repetition
  readonly spread: number;
  readonly samplesMs: readonly number[];
}

export interface TimingSettings {
  readonly rounds: number;
  readonly sampleMs: number;
}

const mostRepetitions = 4096;
const longestFillMs = 400;
const slowMs = 3000;

type Clock = () => number; // ms

async function timed(contender: Contender, repetitions: number, clock: Clock): Promise<number> {
  const startedAt = clock();
  await contender.run(repetitions);
  return (clock() - startedAt) / repetitions;
}

/** Warms up; what one repetition takes, in ms. */
async function eachTook(contender: Contender, sampleMs: number, clock: Clock): Promise<number> {
  await contender.run(1);
  let repetitions = 1;
  for (;;) {
    const each = await timed(contender, repetitions, clock);
    if (each * repetitions >= sampleMs / 2 || repetitions >= mostRepetitions) return each;
    repetitions = Math.min(mostRepetitions, repetitions * 8, Math.max(2, Math.ceil(sampleMs / each)));
  }
}

/**
 * One timing per contender, in their order. Quick contenders get samples closer in length to the slowest one's, so that
 * a busy machine disturbs both alike; work of many seconds is sampled twice and not more.
 */
export async function alternate(
  contenders: readonly Contender[],
  { rounds, sampleMs }: TimingSettings,
  clock: Clock = () => performance.now(),
): Promise<Timing[]> {
  const eachMs: number[] = [];
  for (const contender of contenders) eachMs.push(await eachTook(contender, sampleMs, clock));
  const slowest = Math.max(...eachMs);
  const wantedMs = Math.max(sampleMs, Math.min(slowest / 2, longestFillMs));
  const repetitions = eachMs.map((each) =>
    Math.max(1, Math.min(mostRepetitions, Math.ceil(wantedMs / each))),
  );
  const samples = contenders.map((): number[] => []);
  for (let round = 0; round < (slowest > slowMs ? Math.min(2, rounds) : rounds); round++) {
    for (const [i, contender] of contenders.entries())
      samples[i].push(await timed(contender, repetitions[i], clock));
  }
  return samples.map((samplesMs) => ({ medianMs: median(samplesMs), spread: spread(samplesMs), samplesMs }));
}

/** How many times longer a took than b: the median over the rounds, whose samples lie side by side in time. */
export const timesLonger = (a: Timing, b: Timing): number =>
  median(a.samplesMs.map((sample, round) => sample / b.samplesMs[round]));

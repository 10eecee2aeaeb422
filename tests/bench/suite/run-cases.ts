/**
 * Runs a list of cases against the roof: prepare, check against the reference, and only then time, in turns with the
 * roof. A case that is wrong is reported as failed; what the time budget does not reach is listed.
 */
import { noPeers, type BenchEvent, type BenchResult, type BenchSettings, type Roof } from '../protocol.ts';
import type { Gpu } from './engine.ts';
import type { RoofMeter } from './roof.ts';
import { median } from './statistics.ts';
import { alternate, timesLonger, type Contender } from './timing.ts';

export interface PreparedCase {
  /** Records the work once; the caller submits. */
  record(): void;
  /** Largest relative error on a sample of outputs of one run, against the float64 reference. */
  check(): Promise<number>;
  dispose(): void;
}

export interface BenchCase {
  readonly name: string;
  readonly shape: string;
  readonly flops: number; // 0: a matter of bandwidth
  readonly bytes: number; // least read and written
  readonly tolerance: number;
  readonly prepare: () => Promise<PreparedCase>;
}

export interface Rig {
  readonly gpu: Gpu;
  readonly roof: RoofMeter;
  readonly settings: BenchSettings;
  readonly startedAtMs: number;
  readonly roofSamplesMs: { readonly arithmetic: number[]; readonly copy: number[] };
  readonly report: (event: BenchEvent) => void;
}

export const isWanted = (only: readonly string[], label: string): boolean =>
  only.every((word) => label.toLowerCase().includes(word.toLowerCase()));

export const secondsLeft = ({ settings, startedAtMs }: Rig): number =>
  settings.budgetSeconds - (performance.now() - startedAtMs) / 1000;

export function roofOf({ roof, roofSamplesMs }: Rig): Roof {
  return {
    gflops: roof.arithmeticFlops / median(roofSamplesMs.arithmetic) / 1e6,
    gbps: roof.copyBytes / median(roofSamplesMs.copy) / 1e6,
  };
}

/** Fills the roof's samples before the first case. */
export async function measureRoof(rig: Rig): Promise<void> {
  const { roof, settings, roofSamplesMs, report } = rig;
  const [arithmetic, copy] = await alternate([roof.arithmetic, roof.copy], settings);
  roofSamplesMs.arithmetic.push(...arithmetic.samplesMs);
  roofSamplesMs.copy.push(...copy.samplesMs);
  report({ kind: 'roof', roof: roofOf(rig) });
}

export function contenderOf({ waits, recorder }: Gpu, name: string, record: () => void): Contender {
  return {
    name,
    run: async (repetitions) => {
      for (let i = 0; i < repetitions; i++) record();
      recorder.submit();
      await waits.workDone();
    },
  };
}

/** Check, one warm-up, one calibration and the samples, at half the roof. */
function estimatedSeconds({ flops, bytes }: BenchCase, rig: Rig): number {
  const { gflops, gbps } = roofOf(rig);
  const eachMs = (flops / gflops + bytes / gbps) / 0.5 / 1e6;
  const { rounds, sampleMs } = rig.settings;
  return ((rounds + 3) * Math.max(eachMs, sampleMs) + rounds * sampleMs) / 1000;
}

export async function runCases(
  rig: Rig,
  cases: readonly BenchCase[],
): Promise<{ readonly results: BenchResult[]; readonly leftOut: string[] }> {
  const wanted = cases.filter(({ name, shape }) => isWanted(rig.settings.only, `${name} ${shape}`));
  const results: BenchResult[] = [];
  const leftOut: string[] = [];
  for (const [done, bench] of wanted.entries()) {
    const label = `${bench.name} ${bench.shape}`;
    if (estimatedSeconds(bench, rig) > secondsLeft(rig)) {
      leftOut.push(label);
      continue;
    }
    rig.report({ kind: 'progress', done, total: wanted.length, note: label });
    const result = await runCase(rig, bench);
    results.push(result);
    rig.report({ kind: 'result', result });
  }
  return { results, leftOut };
}

async function runCase(rig: Rig, bench: BenchCase): Promise<BenchResult> {
  const { gpu, roof, settings, roofSamplesMs } = rig;
  const { name, shape, flops, bytes, tolerance } = bench;
  const untimed = (failure: string, figures: Record<string, number> = {}): BenchResult => ({
    name,
    shape,
    medianMs: null,
    spread: null,
    gflops: null,
    gbps: null,
    ofRoof: null,
    versus: noPeers,
    failure,
    figures,
  });
  let prepared: PreparedCase;
  try {
    prepared = await bench.prepare();
  } catch (error) {
    return untimed(error instanceof Error ? error.message : String(error));
  }
  try {
    const relativeError = await prepared.check();
    gpu.assertHealthy();
    if (!(relativeError <= tolerance))
      return untimed(`wrong: relative error ${relativeError.toExponential(1)} above ${tolerance}`, {
        relativeError: Math.min(relativeError, Number.MAX_VALUE), // JSON has no Infinity
      });
    const isArithmetic = flops > 0;
    const ceiling = isArithmetic ? roof.arithmetic : roof.copy;
    const [best, own] = await alternate([ceiling, contenderOf(gpu, name, () => prepared.record())], settings);
    gpu.assertHealthy();
    roofSamplesMs[isArithmetic ? 'arithmetic' : 'copy'].push(...best.samplesMs);
    const rate = (isArithmetic ? flops : bytes) / own.medianMs / 1e6;
    const work = isArithmetic ? flops / roof.arithmeticFlops : bytes / roof.copyBytes;
    return {
      name,
      shape,
      medianMs: own.medianMs,
      spread: own.spread,
      gflops: isArithmetic ? rate : null,
      gbps: bytes / own.medianMs / 1e6,
      ofRoof: work * timesLonger(best, own),
      versus: noPeers,
      failure: null,
      figures: { relativeError },
    };
  } finally {
    prepared.dispose();
  }
}

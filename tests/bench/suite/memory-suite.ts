/**
 * GPU bytes that settings allocate, before and after a step: they must not differ. Where the engine can plan a run,
 * `plannedBytes` stands beside them.
 */
import { noPeers, type BenchResult } from '../protocol.ts';
import {
  configOf,
  demoShape,
  openModel,
  openStep,
  peerShape,
  randomBatch,
  type ModelShape,
} from './engine-model.ts';
import { isWanted, type Rig } from './run-cases.ts';
import type { SuiteOutcome } from './run-suite.ts';

interface MemoryCase {
  readonly shape: ModelShape;
  readonly tokens: number;
  readonly batch: number;
  readonly rank: number;
  readonly checkpointing: boolean;
}
const cases: readonly MemoryCase[] = [demoShape, peerShape].flatMap((shape) =>
  [
    [128, 1, 8],
    [512, 4, 8],
    [512, 4, 64],
  ].flatMap(([tokens, batch, rank]) =>
    [true, false].map((checkpointing) => ({ shape, tokens, batch, rank, checkpointing })),
  ),
);

export async function memorySuite(rig: Rig): Promise<SuiteOutcome> {
  const { gpu, settings } = rig;
  const results: BenchResult[] = [];
  const wanted = cases
    .map((one) => ({
      one,
      shape: `T ${one.tokens} batch ${one.batch} r ${one.rank}${one.checkpointing ? ' checkpointed' : ''}`,
    }))
    .filter(({ one, shape }) => isWanted(settings.only, `memory ${one.shape.name} ${shape}`));
  for (const [done, { one, shape }] of wanted.entries()) {
    rig.report({ kind: 'progress', done, total: wanted.length, note: `memory ${one.shape.name} ${shape}` });
    const before = gpu.memory.bytes;
    const decoder = await openModel(gpu, configOf(one.shape, one.shape.layers));
    const weightBytes = gpu.memory.bytes - before;
    const batch = randomBatch(one.shape.vocab, one.tokens, one.batch, 0.5);
    const step = await openStep(decoder, one.rank, batch, one.checkpointing);
    const runBytes = gpu.memory.bytes - before - weightBytes;
    gpu.memory.resetPeak();
    step.run();
    await gpu.waits.workDone();
    gpu.assertHealthy();
    const grown = gpu.memory.peakBytes - before - weightBytes - runBytes;
    step.dispose();
    decoder.dispose();
    const left = gpu.memory.bytes - before;
    const result: BenchResult = {
      name: `memory ${one.shape.name}`,
      shape,
      medianMs: null,
      spread: null,
      gflops: null,
      gbps: null,
      ofRoof: null,
      versus: noPeers,
      failure:
        grown !== 0
          ? `a step allocated ${grown} bytes more`
          : left !== 0
            ? `${left} bytes were not given back`
            : null,
      figures: { weightBytes, runBytes, totalBytes: weightBytes + runBytes },
    };
    results.push(result);
    rig.report({ kind: 'result', result });
  }
  return { results, leftOut: [], notes: ['Weights in f32.'] };
}

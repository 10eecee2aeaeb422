/**
 * Where the time of a training step and of a decoded token goes: every dispatch is overheard, and each distinct one is timed
 * by itself, again and again in one submission.
 */
import { noPeers, type BenchResult } from '../protocol.ts';
import type { Gpu } from './engine.ts';
import {
  configOf,
  demoShape,
  distillShape,
  openGenerator,
  openModel,
  openStep,
  qwenHalfShape,
  randomBatch,
  repeatedTensor,
  smolShape,
  type ModelShape,
} from './engine-model.ts';
import type { WeightFormat } from './engine.ts';
import { isWanted, secondsLeft, type Rig } from './run-cases.ts';
import type { SuiteOutcome } from './run-suite.ts';

const cases: readonly { readonly shape: ModelShape; readonly format: WeightFormat }[] = [
  { shape: distillShape, format: 'nf4' },
  { shape: qwenHalfShape, format: 'nf4' },
  { shape: smolShape, format: 'f32' },
  { shape: demoShape, format: 'f32' },
];
const layers = 2; // the same for every layer, so that the others need not be made
const tokens = 512;
const shownKernels = 24;

type Dispatch = Parameters<Gpu['recorder']['dispatch']>;

type Heard = ReadonlyMap<string, { readonly call: Dispatch; readonly count: number }>;

/** What `work` dispatches, grouped by kernel and sizes. It does run. */
async function overheard({ recorder }: Gpu, work: () => Promise<unknown>): Promise<Heard> {
  const heard = new Map<string, { readonly call: Dispatch; count: number }>();
  const dispatch = recorder.dispatch.bind(recorder);
  recorder.dispatch = (...call) => {
    const [kernel, , { m = 0, n = 0, n4 = 0, k4 = 0 }, threads] = call;
    const key = `${kernel.key} m ${m} n ${n || 4 * n4} k ${4 * k4} threads ${threads}`;
    const known = heard.get(key);
    if (known === undefined) heard.set(key, { call, count: 1 });
    else known.count++;
    dispatch(...call);
  };
  try {
    await work();
  } finally {
    recorder.dispatch = dispatch;
  }
  return heard;
}

async function eachMs({ recorder, waits }: Gpu, call: Dispatch): Promise<number> {
  const timed = async (repetitions: number): Promise<number> => {
    const startedAt = performance.now();
    for (let i = 0; i < repetitions; i++) recorder.dispatch(...call);
    recorder.submit();
    await waits.workDone();
    return performance.now() - startedAt;
  };
  await timed(1);
  const once = await timed(2);
  const repetitions = Math.max(2, Math.min(200, Math.ceil(20 / Math.max(0.01, once))));
  return (await timed(repetitions)) / repetitions;
}

export async function profileSuite(rig: Rig): Promise<SuiteOutcome> {
  const { gpu, settings } = rig;
  const results: BenchResult[] = [];
  const notes: string[] = [
    `Models of ${layers} layers. Products: ${JSON.stringify(gpu.recorder.matmul)}, believed to run ${(gpu.recorder.flopsPerSecond / 1e9).toFixed(0)} GFLOP/s.`,
  ];
  const leftOut: string[] = [];
  const wanted = cases.filter(({ shape, format }) => isWanted(settings.only, `${shape.name} ${format}`));
  for (const { shape, format } of wanted) {
    if (secondsLeft(rig) < 5) {
      leftOut.push(`${shape.name} ${format}`);
      continue;
    }
    const decoder = await openModel(gpu, configOf(shape, layers), format, repeatedTensor);
    try {
      const step = await openStep(decoder, 16, randomBatch(shape.vocab, tokens, 1, 0.75), false);
      step.run();
      await gpu.waits.workDone();
      const heardStep = await overheard(gpu, async () => step.run());
      results.push(...(await profiled(rig, `step ${shape.name} ${format}`, heardStep)));
      step.dispose();
      const session = openGenerator(decoder, 1, 64);
      const settingsOf = (maxNewTokens: number) => ({
        maxNewTokens,
        temperature: 0,
        seed: 1,
        eosIds: [],
        useAdapter: false,
      });
      await session.generate([[1, 2, 3, 4]], settingsOf(2));
      const heard = await overheard(gpu, () => session.generate([[1, 2, 3, 4]], settingsOf(9)));
      results.push(...(await profiled(rig, `8 tokens ${shape.name} ${format}`, heard)));
      session.dispose();
    } finally {
      decoder.dispose();
    }
  }
  return { results, notes, leftOut };
}

/** The dearest kernels first. */
async function profiled(rig: Rig, name: string, heard: Heard): Promise<BenchResult[]> {
  const timed: { readonly label: string; readonly ms: number; readonly count: number }[] = [];
  for (const [label, { call, count }] of heard) timed.push({ label, count, ms: await eachMs(rig.gpu, call) });
  const totalMs = timed.reduce((sum, { ms, count }) => sum + ms * count, 0);
  return timed
    .sort((a, b) => b.ms * b.count - a.ms * a.count)
    .slice(0, shownKernels)
    .map(({ label, ms, count }) => {
      const result: BenchResult = {
        name,
        shape: label,
        medianMs: ms,
        spread: null,
        gflops: null,
        gbps: null,
        ofRoof: null,
        versus: noPeers,
        failure: null,
        figures: { count, totalMs: ms * count, share: (ms * count) / totalMs, ofAllMs: totalMs },
      };
      rig.report({ kind: 'result', result });
      return result;
    });
}

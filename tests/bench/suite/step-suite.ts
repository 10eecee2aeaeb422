/** Whole training steps: tokens per second, useful FLOPs against the roof, and how the cost grows. */
import { noPeers, type BenchResult, type Fit } from '../protocol.ts';
import {
  configOf,
  demoShape,
  distillShape,
  openModel,
  openStep,
  peerShape,
  qwenHalfShape,
  randomBatch,
  stepShapeOf,
  type Decoder,
  type ModelShape,
} from './engine-model.ts';
import { usefulStepFlops, type StepShape } from './flops.ts';
import { isWanted, roofOf, secondsLeft, type Rig } from './run-cases.ts';
import type { SuiteOutcome } from './run-suite.ts';
import { linearFit } from './statistics.ts';
import { alternate, timesLonger, type Contender } from './timing.ts';

interface Point {
  readonly tokens: number;
  readonly batch: number;
  readonly rank: number;
  readonly layers: number;
}
interface Series {
  readonly name: string;
  readonly shape: ModelShape;
  readonly points: readonly Point[];
  /** The coordinate whose cost is fitted; null: no fit. */
  readonly over: keyof Point | null;
  readonly targetShare: number; // of the tokens
}

const at = (tokens: number, layers: number, rank = 8, batch = 1): Point => ({ tokens, batch, rank, layers });
const base = at(128, 4);

const series: readonly Series[] = [
  { name: 'acceptance', shape: peerShape, points: [at(256, 4)], over: null, targetShare: 1 },
  {
    name: 'demo',
    shape: demoShape,
    points: [128, 512, 1024].map((t) => at(t, 4)),
    over: null,
    targetShare: 0.5,
  },
  {
    name: 'growth',
    shape: peerShape,
    points: [1, 2, 4, 8].map((batch) => ({ ...base, batch })),
    over: 'batch',
    targetShare: 0.5,
  },
  {
    name: 'growth',
    shape: peerShape,
    points: [4, 8, 16, 32].map((rank) => ({ ...base, rank })),
    over: 'rank',
    targetShare: 0.5,
  },
  {
    name: 'growth',
    shape: peerShape,
    points: [1, 2, 4, 8].map((layers) => ({ ...base, layers })),
    over: 'layers',
    targetShare: 0.5,
  },
  {
    name: 'growth',
    shape: peerShape,
    points: [128, 256, 512, 1024].map((tokens) => ({ ...base, tokens })),
    over: 'tokens',
    targetShare: 0.5,
  },
  ...[qwenHalfShape, distillShape].flatMap((shape) =>
    [128, 512, 1024].map((t): Series => ({
      name: shape.name,
      shape,
      points: [at(t, 1)],
      over: null,
      targetShare: 0.25,
    })),
  ),
];

const shapeText = ({ tokens, batch, rank, layers }: Point): string =>
  `T ${tokens} batch ${batch} r ${rank} layers ${layers}`;

/** Memory of the weights alone, in f32: a model that cannot fit is left out before it is made. */
const weightBytes = ({ c, f, vocab, tiedHead }: ModelShape, layers: number): number =>
  4 * (vocab * c * (tiedHead ? 1 : 2) + layers * (4 * c * c + 3 * c * f));

export async function stepSuite(rig: Rig): Promise<SuiteOutcome> {
  const results: BenchResult[] = [];
  const fits: Fit[] = [];
  const leftOut: string[] = [];
  const wanted = series.filter(({ name, points, over }) =>
    isWanted(rig.settings.only, `${name} ${over ?? ''} ${points.map(shapeText).join(' ')}`),
  );
  for (const [done, one] of wanted.entries()) {
    const label = `step ${one.name}${one.over === null ? '' : ` over ${one.over}`}`;
    rig.report({ kind: 'progress', done, total: wanted.length, note: label });
    if (estimatedSeconds(rig, one) > secondsLeft(rig)) {
      leftOut.push(`${label} ${one.points.map(shapeText).join(', ')}`);
      continue;
    }
    const measured = await runSeries(rig, one);
    for (const result of measured) rig.report({ kind: 'result', result });
    results.push(...measured);
    const { over } = one;
    if (over !== null)
      fits.push({
        name: `${label} (${one.shape.name} model)`,
        x: over === 'tokens' ? 'token' : over === 'layers' ? 'layer' : over,
        ...linearFit(
          one.points.map((point, i): [number, number] => [point[over], measured[i].medianMs ?? Number.NaN]),
        ),
      });
  }
  return {
    results,
    fits,
    leftOut,
    notes: [
      'Random weights in f32 and random tokens; the last half of every row is trained (acceptance: all of it, 0.5B and 1.5B: a quarter); no gradient checkpointing.',
      'ofRoof counts the useful FLOPs of src/model/step-flops.ts. 0.5B and 1.5B have their real widths and one layer.',
    ],
  };
}

function estimatedSeconds(rig: Rig, { shape, points, targetShare }: Series): number {
  const flops = points.map((point) => {
    const batch = randomBatch(shape.vocab, point.tokens, point.batch, targetShare);
    return usefulStepFlops(stepShapeOf(configOf(shape, point.layers), point.rank, point.tokens, batch)).total;
  });
  const steps = rig.settings.rounds + 2;
  const loading = weightBytes(shape, points[0].layers) / 4e7 / 1000; // random numbers and upload
  return loading + flops.reduce((sum, each) => sum + (steps * each) / (roofOf(rig).gflops * 0.3e9), 0);
}

async function runSeries(
  rig: Rig,
  { name, shape, points, targetShare, over }: Series,
): Promise<BenchResult[]> {
  const { gpu, roof, settings, roofSamplesMs } = rig;
  const models = new Map<number, Decoder>();
  const disposals: (() => void)[] = [];
  try {
    const contenders: Contender[] = [];
    const shapes: StepShape[] = [];
    const bytes: number[] = [];
    for (const point of points) {
      const config = configOf(shape, point.layers);
      const decoder = models.get(point.layers) ?? (await openModel(gpu, config));
      models.set(point.layers, decoder);
      const batch = randomBatch(shape.vocab, point.tokens, point.batch, targetShare);
      const before = gpu.memory.bytes;
      const step = await openStep(decoder, point.rank, batch, false);
      bytes.push(gpu.memory.bytes - before);
      disposals.push(() => step.dispose());
      shapes.push(stepShapeOf(config, point.rank, point.tokens, batch));
      contenders.push({
        name: shapeText(point),
        run: async (repetitions) => {
          for (let i = 0; i < repetitions; i++) step.run();
          await gpu.waits.workDone();
        },
      });
    }
    const [best, ...timings] = await alternate([roof.arithmetic, ...contenders], settings);
    gpu.assertHealthy();
    roofSamplesMs.arithmetic.push(...best.samplesMs);
    return timings.map((timing, i): BenchResult => {
      const { medianMs, spread } = timing;
      const flops = usefulStepFlops(shapes[i]).total;
      return {
        name: `step ${name}${over === null ? '' : ` over ${over}`}`,
        shape: shapeText(points[i]),
        medianMs,
        spread,
        gflops: flops / medianMs / 1e6,
        gbps: null,
        ofRoof: (flops / roof.arithmeticFlops) * timesLonger(best, timing),
        versus: noPeers,
        failure: null,
        figures: {
          tokensPerSecond: (points[i].tokens * points[i].batch * 1000) / medianMs,
          runBytes: bytes[i],
        },
      };
    });
  } finally {
    for (const dispose of disposals) dispose();
    for (const decoder of models.values()) decoder.dispose();
  }
}

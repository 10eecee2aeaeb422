/**
 * Whole models with all their layers, random weights as a run would hold them: a training step of one row, and decoding.
 * What matters most comes first, so that a run that is cut short has measured it.
 */
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { noPeers, type BenchResult } from '../protocol.ts';
import { productVariants, type Gpu, type ProductVariant, type WeightFormat } from './engine.ts';
import {
  configOf,
  demoShape,
  distillShape,
  openModel,
  openStep,
  qwenHalfShape,
  randomBatch,
  repeatedTensor,
  smolShape,
  stepShapeOf,
  type Decoder,
  type ModelShape,
  type TrainingStep,
} from './engine-model.ts';
import { usefulStepFlops } from './flops.ts';
import { decodingResult } from './generate-suite.ts';
import { isWanted, roofOf, secondsLeft, type Rig } from './run-cases.ts';
import type { SuiteOutcome } from './run-suite.ts';
import { alternate, timesLonger, type Contender } from './timing.ts';

interface ModelCase {
  readonly shape: ModelShape;
  readonly format: WeightFormat;
  readonly tokens: readonly number[];
  readonly rows: number;
  readonly decodes: boolean;
}

const rank = 16;
const targetShare = 0.75; // an AltTrain row is mostly answer
const large = { tokens: [512, 1024], rows: 1, decodes: true };

const cases: readonly ModelCase[] = [
  { shape: distillShape, format: 'nf4', ...large },
  { shape: demoShape, format: 'f32', tokens: [512], rows: 8, decodes: false },
  { shape: smolShape, format: 'f32', ...large, rows: 4 },
  { shape: qwenHalfShape, format: 'nf4', ...large },
  { shape: distillShape, format: 'f16', ...large },
  { shape: smolShape, format: 'nf4', ...large, rows: 4, decodes: false },
  { shape: qwenHalfShape, format: 'f16', ...large, decodes: false },
];

const nameOf = ({ shape, format }: ModelCase): string => `${shape.name} ${format}`;

export async function modelsSuite(rig: Rig): Promise<SuiteOutcome> {
  const results: BenchResult[] = [];
  const leftOut: string[] = [];
  const wanted = cases.filter((one) => isWanted(rig.settings.only, nameOf(one)));
  for (const [done, one] of wanted.entries()) {
    rig.report({ kind: 'progress', done, total: wanted.length, note: `models ${nameOf(one)}` });
    if (estimatedSeconds(rig, one) > secondsLeft(rig)) {
      leftOut.push(nameOf(one));
      continue;
    }
    const startedAt = performance.now();
    const decoder = await openModel(
      rig.gpu,
      configOf(one.shape, one.shape.layers),
      one.format,
      repeatedTensor,
    );
    const loadSeconds = (performance.now() - startedAt) / 1000;
    try {
      for (const tokens of one.tokens)
        results.push(...(await stepResults(rig, one, decoder, tokens, loadSeconds)));
      if (one.decodes)
        for (const batch of [1, 32])
          results.push(
            await decodingResult(rig, decoder, { name: nameOf(one), vocab: one.shape.vocab, batch }),
          );
    } finally {
      decoder.dispose();
    }
  }
  return {
    results,
    leftOut,
    notes: [
      `Random weights and tokens; LoRA of rank ${rank} on all seven linear layers; ${targetShare * 100} % of every row is trained. "kept": every activation is kept; else layers are recomputed in the backward pass.`,
      'ofRoof counts the useful FLOPs of src/model/step-flops.ts against multiply-adds in float32 registers, also where products run in half precision.',
    ],
  };
}

/** Weights made and uploaded at a gigabyte a second, a few steps of each kind at a fifth of the roof. */
function estimatedSeconds(rig: Rig, { shape, tokens, rows }: ModelCase): number {
  const config = configOf(shape, shape.layers);
  const parameters =
    shape.vocab * shape.c * 2 + shape.layers * (4 * shape.c * shape.c + 3 * shape.c * shape.f);
  const flops = tokens.reduce((sum, each) => {
    const batch = randomBatch(shape.vocab, each, rows, targetShare);
    return sum + usefulStepFlops(stepShapeOf(config, rank, each, batch)).total;
  }, 0);
  const steps = (rig.settings.rounds + 2) * productVariants(rig.gpu).length;
  return (4 * parameters) / 1e9 + (steps * flops) / (roofOf(rig).gflops * 0.2e9);
}

/** With every activation kept where that fits, as the trainer chooses. */
async function openFittingStep(
  decoder: Decoder,
  batch: Parameters<typeof openStep>[2],
): Promise<{ readonly step: TrainingStep; readonly kept: boolean }> {
  try {
    return { step: await openStep(decoder, rank, batch, false), kept: true };
  } catch (error) {
    if (!(error instanceof TrainerError) || error.code !== 'gpu-out-of-memory') throw error;
    return { step: await openStep(decoder, rank, batch, true), kept: false };
  }
}

async function stepResults(
  rig: Rig,
  one: ModelCase,
  decoder: Decoder,
  tokens: number,
  loadSeconds: number,
): Promise<BenchResult[]> {
  const { gpu, roof, settings, roofSamplesMs } = rig;
  const { shape, rows } = one;
  const batch = randomBatch(shape.vocab, tokens, rows, targetShare);
  const before = gpu.memory.bytes;
  const { step, kept } = await openFittingStep(decoder, batch);
  const variants = productVariants(gpu);
  const chosen = gpu.recorder.matmul;
  try {
    const losses: number[] = []; // of the same adapter, before any step
    for (const { variant } of variants) {
      gpu.recorder.matmul = variant;
      losses.push((await step.lossAndGradients()).loss);
    }
    const contenders = variants.map((variant) => stepContender(gpu, step, variant));
    const [best, ...timings] = await alternate([roof.arithmetic, ...contenders], settings);
    gpu.assertHealthy();
    roofSamplesMs.arithmetic.push(...best.samplesMs);
    const flops = usefulStepFlops(stepShapeOf(decoder.config, rank, tokens, batch)).total;
    const results: BenchResult[] = [];
    for (const [i, timing] of timings.entries()) {
      const loss = losses[i];
      const result: BenchResult = {
        name: `step ${nameOf(one)}`,
        shape: `T ${tokens} batch ${rows} r ${rank} layers ${shape.layers}, ${variants[i].name}`,
        medianMs: timing.medianMs,
        spread: timing.spread,
        gflops: flops / timing.medianMs / 1e6,
        gbps: null,
        ofRoof: (flops / roof.arithmeticFlops) * timesLonger(best, timing),
        versus: noPeers,
        failure: Number.isFinite(loss) ? null : 'the loss is not finite',
        figures: {
          tokensPerSecond: (tokens * rows * 1000) / timing.medianMs,
          loss: Number.isFinite(loss) ? loss : 0,
          kept: Number(kept),
          gpuBytes: gpu.memory.bytes,
          runBytes: gpu.memory.bytes - before,
          loadSeconds,
        },
      };
      rig.report({ kind: 'result', result });
      results.push(result);
    }
    return results;
  } finally {
    gpu.recorder.matmul = chosen;
    step.dispose();
  }
}

function stepContender(gpu: Gpu, step: TrainingStep, { name, variant }: ProductVariant): Contender {
  return {
    name,
    run: async (repetitions) => {
      gpu.recorder.matmul = variant;
      for (let i = 0; i < repetitions; i++) step.run();
      await gpu.waits.workDone();
    },
  };
}

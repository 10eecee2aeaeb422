/**
 * The same step in other libraries: loss and every LoRA gradient compared first, then timed in turns. A peer that
 * disagrees, or cannot run, is reported as failed and the others are compared without it.
 */
import { noPeers, type BenchResult, type Versus } from '../protocol.ts';
import {
  configOf,
  openForward,
  openModel,
  openStep,
  peerShape,
  randomBatch,
  stepShapeOf,
  syntheticTensor,
  tensorShapes,
  type Batch,
} from '../suite/engine-model.ts';
import { usefulStepFlops } from '../suite/flops.ts';
import { isWanted, secondsLeft, type Rig } from '../suite/run-cases.ts';
import type { SuiteOutcome } from '../suite/run-suite.ts';
import { relativeError } from '../suite/statistics.ts';
import { alternate, timesLonger, type Contender, type Timing } from '../suite/timing.ts';
import { need, type LossAndGradients, type PeerInputs, type TrainingPeer } from './peer.ts';

const tolerance = 1e-3;
const rank = 8;
const tokens = 256;
const config = configOf(peerShape, peerShape.layers);
const shape = `T ${tokens} d ${peerShape.c} F ${peerShape.f} V ${peerShape.vocab} layers ${peerShape.layers} r ${rank}`;

type PeerName = keyof Versus;
interface Entrant {
  readonly peer: PeerName | null; // null: ours
  readonly label: string;
  readonly contender: Contender;
  readonly figures: Readonly<Record<string, number>>;
  dispose(): void | Promise<void>;
}

function failed(name: string, failure: string): BenchResult {
  const nothing = { medianMs: null, spread: null, gflops: null, gbps: null, ofRoof: null };
  return { name, shape, ...nothing, versus: noPeers, failure, figures: {} };
}

const contender = (name: string, once: () => Promise<void>): Contender => ({
  name,
  run: async (repetitions) => {
    for (let i = 0; i < repetitions; i++) await once();
  },
});

/** The entrants of one comparison in turns with the roof; ours gets the ratios. */
async function compare(
  rig: Rig,
  name: string,
  flops: number,
  entrants: readonly Entrant[],
): Promise<BenchResult[]> {
  const { roof, settings, gpu, roofSamplesMs } = rig;
  const [best, ...timings] = await alternate(
    [roof.arithmetic, ...entrants.map((one) => one.contender)],
    settings,
  );
  gpu.assertHealthy();
  roofSamplesMs.arithmetic.push(...best.samplesMs);
  const ours: Timing = timings[entrants.findIndex(({ peer }) => peer === null)];
  return entrants.map(({ peer, label, figures }, i): BenchResult => {
    const { medianMs, spread } = timings[i];
    const ratios = Object.fromEntries(
      entrants.flatMap((other, j) =>
        other.peer === null || peer !== null ? [] : [[other.peer, timesLonger(timings[j], ours)]],
      ),
    ) as Partial<Versus>;
    return {
      name: `${name} ${label}`,
      shape,
      medianMs,
      spread,
      gflops: flops / medianMs / 1e6,
      gbps: null,
      ofRoof: (flops / roof.arithmeticFlops) * timesLonger(best, timings[i]),
      versus: { ...noPeers, ...ratios },
      failure: null,
      figures: { ...figures, tokensPerSecond: (1000 * tokens) / medianMs },
    };
  });
}

async function gather(
  rig: Rig,
  name: string,
  flops: number,
  entrants: Entrant[],
  openers: readonly {
    readonly peer: PeerName;
    readonly label: string;
    readonly open: () => Promise<Entrant>;
  }[],
): Promise<BenchResult[]> {
  const failures: BenchResult[] = [];
  try {
    for (const { label, open } of openers) {
      rig.report({
        kind: 'progress',
        done: entrants.length,
        total: openers.length + 1,
        note: `checking ${label}`,
      });
      try {
        entrants.push(await open());
      } catch (error) {
        failures.push(failed(`${name} ${label}`, error instanceof Error ? error.message : String(error)));
      }
    }
    rig.report({ kind: 'progress', done: openers.length, total: openers.length + 1, note: `timing ${name}` });
    const results = [...(await compare(rig, name, flops, entrants)), ...failures];
    for (const result of results) rig.report({ kind: 'result', result });
    return results;
  } finally {
    for (const entrant of entrants) await entrant.dispose();
  }
}

async function trainingEntrant(
  peer: PeerName,
  label: string,
  opened: TrainingPeer,
  ours: LossAndGradients,
): Promise<Entrant> {
  const theirs = await opened.lossAndGradients();
  const lossError = Math.abs(theirs.loss - ours.loss) / ours.loss;
  let gradientError = 0;
  for (const [name, values] of ours.gradients)
    gradientError = Math.max(gradientError, relativeError(need(theirs.gradients, name), values));
  if (!(lossError <= tolerance && gradientError <= tolerance)) {
    opened.dispose();
    throw new Error(
      `disagrees: loss ${theirs.loss} against ${ours.loss}, largest relative error of a gradient ${gradientError.toExponential(1)}`,
    );
  }
  return {
    peer,
    label,
    contender: contender(label, () => opened.step()),
    figures: { lossError, gradientError },
    dispose: () => opened.dispose(),
  };
}

function inputsOf(batch: Batch, adapter: PeerInputs['adapter']): PeerInputs {
  const names = [...tensorShapes(config)].filter(([name]) => name !== 'lm_head.weight'); // tied
  return {
    config,
    weights: new Map(
      names.map(([name, tensorShape]) => [
        name,
        { shape: tensorShape, values: syntheticTensor(name, tensorShape) },
      ]),
    ),
    adapter,
    loraScale: 2,
    inputs: Int32Array.from(batch.inputs),
    targets: batch.targets,
  };
}

export async function peersSuite(rig: Rig): Promise<SuiteOutcome> {
  const { gpu, settings } = rig;
  const batch = randomBatch(peerShape.vocab, tokens, 1, 1);
  const decoder = await openModel(gpu, config);
  const results: BenchResult[] = [];
  const leftOut: string[] = [];
  const { queue } = gpu.device;
  try {
    const step = await openStep(decoder, rank, batch, false);
    const own = await step.lossAndGradients();
    const ours: LossAndGradients = {
      loss: own.loss,
      gradients: new Map(own.gradients.map(({ name, values }) => [name, values])),
    };
    const given = inputsOf(batch, step.adapter);
    if (isWanted(settings.only, 'train')) {
      const mine: Entrant = {
        peer: null,
        label: 'ours',
        contender: contender('ours', async () => {
          step.run();
          await queue.onSubmittedWorkDone();
        }),
        figures: {},
        dispose: () => step.dispose(),
      };
      const flops = usefulStepFlops(stepShapeOf(config, rank, tokens, batch)).total;
      results.push(
        ...(await gather(
          rig,
          'train',
          flops,
          [mine],
          [
            {
              peer: 'tfjs',
              label: 'tfjs',
              open: async () => {
                const { tfjsPeer } = await import('./tfjs-step.ts');
                gpu.tfjs.makeCurrent();
                return trainingEntrant('tfjs', 'tfjs', tfjsPeer(given, gpu.device), ours);
              },
            },
            {
              peer: 'jaxjs',
              label: 'jax-js',
              open: async () => {
                const { jaxPeer } = await import('./jax-step.ts');
                return trainingEntrant('jaxjs', 'jax-js', await jaxPeer(given), ours);
              },
            },
          ],
        )),
      );
    } else step.dispose();
    if (!isWanted(settings.only, 'forward')) return outcome(results, leftOut);
    if (secondsLeft(rig) < 0) return outcome(results, ['forward']);
    const forward = await gpu.memory.checked('the forward pass', () => openForward(decoder, batch));
    forward.run();
    const expected = await forward.readLogits();
    const mine: Entrant = {
      peer: null,
      label: 'ours',
      contender: contender('ours', async () => {
        forward.run();
        await queue.onSubmittedWorkDone();
      }),
      figures: {},
      dispose: () => forward.dispose(),
    };
    const flops = usefulForwardFlops(batch);
    results.push(
      ...(await gather(
        rig,
        'forward',
        flops,
        [mine],
        [
          {
            peer: 'ort',
            label: 'onnxruntime-web',
            open: async () => {
              const { ortPeer } = await import('./ort-forward.ts');
              const opened = await ortPeer(given);
              const logitsError = relativeError(await opened.logits(), expected);
              if (!(logitsError <= tolerance)) {
                await opened.dispose();
                throw new Error(
                  `disagrees: largest relative error of a logit ${logitsError.toExponential(1)}`,
                );
              }
              return {
                peer: 'ort',
                label: 'onnxruntime-web',
                contender: contender('onnxruntime-web', () => opened.run()),
                figures: { logitsError },
                dispose: () => opened.dispose(),
              };
            },
          },
        ],
      )),
    );
    return outcome(results, leftOut);
  } finally {
    decoder.dispose();
  }
}

/** Of the base model with logits at every position: products with weights, and the causal half of attention. */
function usefulForwardFlops(batch: Batch): number {
  const { linear, head, attention } = usefulStepFlops(stepShapeOf(config, 0, tokens, batch));
  const qkv = 2 * tokens * peerShape.c * (peerShape.heads + 2 * peerShape.kvHeads) * peerShape.headSize;
  return (linear + qkv) / 2 + head / 2 + attention / 3; // the step leaves out one dx of q/k/v, the first layer's
}

const outcome = (results: readonly BenchResult[], leftOut: readonly string[]): SuiteOutcome => ({
  results,
  leftOut,
  notes: [
    'Training: peers compute loss and every LoRA gradient; ours clips and runs AdamW as well. All with f32 weights and activations kept.',
    'tfjs runs plain ops and tf.variableGrads on our device with its correct matmul program; jax-js jit(valueAndGrad) and onnxruntime-web on devices of their own.',
  ],
});

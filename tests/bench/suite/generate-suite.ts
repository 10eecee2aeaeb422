/** Decoding: tokens per second alone and in batches, on the demo's shape and the comparison model's. */
import { noPeers, type BenchResult } from '../protocol.ts';
import {
  configOf,
  demoShape,
  openGenerator,
  openModel,
  peerShape,
  type Decoder,
  type GenerationSession,
} from './engine-model.ts';
import { isWanted, secondsLeft, type Rig } from './run-cases.ts';
import type { SuiteOutcome } from './run-suite.ts';
import { alternate, type Contender } from './timing.ts';

const promptTokens = 16;
const newTokens = 129; // the first comes from the prompt's pass

/** Greedy, never ending early. */
async function decode(
  generator: GenerationSession,
  batch: number,
  vocab: number,
  count: number,
): Promise<void> {
  const prompts = Array.from({ length: batch }, (_, row) =>
    Array.from({ length: promptTokens }, (_, i) => (row * 97 + i * 31) % vocab),
  );
  const settings = { maxNewTokens: count, temperature: 0, seed: 1, eosIds: [], useAdapter: false };
  await generator.generate(prompts, settings);
}

export async function generateSuite(rig: Rig): Promise<SuiteOutcome> {
  const { gpu, settings } = rig;
  const results: BenchResult[] = [];
  const notes: string[] = [];
  const leftOut: string[] = [];
  const shapes = [demoShape, peerShape].filter(({ name }) => isWanted(settings.only, `generate ${name}`));
  for (const [done, shape] of shapes.entries()) {
    rig.report({ kind: 'progress', done, total: shapes.length, note: `decoding, ${shape.name}` });
    if (secondsLeft(rig) < 0) {
      leftOut.push(`generate ${shape.name}`);
      continue;
    }
    const decoder = await openModel(gpu, configOf(shape, shape.layers));
    const perToken: number[] = [];
    try {
      for (const batch of [1, 32]) {
        const result = await decodingResult(rig, decoder, { name: shape.name, vocab: shape.vocab, batch });
        perToken.push((result.medianMs ?? Number.NaN) / batch);
        results.push(result);
      }
    } finally {
      decoder.dispose();
    }
    notes.push(
      `${shape.name}: a token costs ${(perToken[0] / perToken[1]).toFixed(1)} times less in a batch of 32 than alone.`,
    );
  }
  return { results, notes, leftOut };
}

/** Milliseconds per step of `batch` sequences, a token each. */
export async function decodingResult(
  rig: Rig,
  decoder: Decoder,
  { name, vocab, batch }: { readonly name: string; readonly vocab: number; readonly batch: number },
): Promise<BenchResult> {
  const { gpu, settings } = rig;
  const generator = await gpu.memory.checked('this generation', () =>
    openGenerator(decoder, batch, promptTokens + newTokens),
  );
  try {
    const contender = (count: number): Contender => ({
      name: `${count} tokens`,
      run: async (repetitions) => {
        for (let i = 0; i < repetitions; i++) await decode(generator, batch, vocab, count);
      },
    });
    const [first, all] = await alternate([contender(1), contender(newTokens)], settings);
    gpu.assertHealthy();
    const stepMs = (all.medianMs - first.medianMs) / (newTokens - 1);
    const result: BenchResult = {
      name: `generate ${name}`,
      shape: `batch ${batch}, ${newTokens - 1} tokens after a prompt of ${promptTokens}`,
      medianMs: stepMs,
      spread: all.spread,
      gflops: null,
      gbps: null,
      ofRoof: null,
      versus: noPeers,
      failure: null,
      figures: { tokensPerSecond: (1000 * batch) / stepMs, firstTokenMs: first.medianMs },
    };
    rig.report({ kind: 'result', result });
    return result;
  } finally {
    generator.dispose();
  }
}

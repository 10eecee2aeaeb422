/**
 * Whether a thread may go on for as long as a long row takes. Mesa's software driver of 2022 (22.3, lavapipe) ends a thread's
 * loops after 65,535 turns, without a word: a log-probability over 151,936 words, a thread a row, lost 29 % of its sum.
 */
import { targetLogProbs } from '../kernels/cross-entropy.ts';
import type { Gpu } from '../device/open-device.ts';

/** More words than any vocabulary has that is known: twice 65,536 turns for one thread. */
const vocab = 262_144;

/** Of the log-probability of one of so many equal words, relative to −log(words). */
export async function errorOfLongRow({ memory, recorder }: Gpu): Promise<number> {
  const logits = memory.alloc('self-test logits', [1, vocab]);
  const targets = memory.alloc('self-test target', [1], 'u32');
  const logProbs = memory.alloc('self-test log-probability', [1]);
  const { rowThreads } = recorder;
  const size = { rows: 1, vocab, stride: vocab, firstRow: 0, firstLogProb: 0, rowThreads };
  try {
    const run = (): void => targetLogProbs(recorder, logits, targets, logProbs, size);
    await recorder.prepare(run);
    run();
    recorder.submit();
    const [found] = await memory.readFloat32(logProbs);
    const error = Math.abs(found / -Math.log(vocab) - 1);
    return Number.isNaN(error) ? Infinity : error;
  } finally {
    recorder.forgetBindGroups();
    memory.dispose([logits, targets, logProbs]);
  }
}

/** One case of the fuzzer: the same for the same seed and number, in Node and in a page. */
import { createRng } from '../../../src/support/rng.ts';
import { reasonOf } from '../../../src/support/text-of.ts';
import { isCoded, kinds, type Seeds } from './kinds.ts';

export interface CaseId {
  readonly seed: number;
  readonly number: number;
}
export interface Outcome {
  readonly number: number;
  readonly kind: string;
  /** "success", the code of an error, or "fault": an error without a code. */
  readonly result: string;
  readonly fault: string | null;
  readonly ms: number;
}

/** Kinds take turns. */
export const kindOf = (number: number) => kinds[number % kinds.length];

export const filesOf = ({ seed, number }: CaseId, seeds: Seeds): Map<string, Uint8Array> =>
  kindOf(number).make(createRng(seed * 1_000_003 + number), seeds);

export async function runCase(id: CaseId, seeds: Seeds): Promise<Outcome> {
  const kind = kindOf(id.number);
  const files = filesOf(id, seeds);
  const start = performance.now();
  const outcome = (result: string, fault: string | null): Outcome => ({
    number: id.number,
    kind: kind.name,
    result,
    fault,
    ms: performance.now() - start,
  });
  try {
    await kind.run(files, seeds);
    return outcome('success', null);
  } catch (error) {
    if (isCoded(error)) return outcome(error.code, null);
    return outcome(
      'fault',
      error instanceof Error ? `${reasonOf(error)}\n${error.stack ?? ''}` : reasonOf(error),
    );
  }
}

/** What an answer depends on, as one hash. An answer that is stored under it need not be written again. */
import { sha256 } from '../../support/sha256.ts';
import type { SuiteRow } from '../suites/suite.ts';
import type { GenerationSettings, Variant } from './generator.ts';

export interface AnswerPlace {
  readonly modelId: string;
  readonly variant: Variant;
  readonly suite: string;
  readonly row: SuiteRow;
  readonly settings: GenerationSettings;
  readonly sample: number;
  /** Of its batch: sampled answers depend on it, greedy ones do not. */
  readonly seed: number;
  readonly placeInBatch: number;
}

const HASH_LENGTH = 32; // hexadecimal digits

export async function answerKey(place: AnswerPlace): Promise<string> {
  const { modelId, variant, suite, row, settings, sample, seed, placeInBatch } = place;
  const { maxNewTokens, temperature, systemPrompt, repetitionPenalty, templateDate } = settings;
  // An adapter that is switched off is the base.
  const adapter = variant.adapter === null || variant.adapter.strength === 0 ? null : variant.adapter;
  const told = [
    ...[1, modelId, adapter === null ? null : [adapter.hash, adapter.strength]],
    ...[suite, row.id, row.prompt, maxNewTokens, temperature, systemPrompt, repetitionPenalty, templateDate],
    ...(temperature === 0 ? [] : [sample, seed, placeInBatch]),
  ];
  return (await sha256(new TextEncoder().encode(JSON.stringify(told)))).slice(0, HASH_LENGTH);
}

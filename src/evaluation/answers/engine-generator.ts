/** The trainer's model as the one that answers an evaluation, in the page and in the command. */
import type { GenerateRequest, Generation } from '../../api/trainer-api.ts';
import { TrainerError } from '../../support/trainer-error.ts';
import type { Generator } from './generator.ts';

/** `answer` has the model open, and the adapter where a variant has one. */
export function engineGenerator(
  answer: (request: GenerateRequest) => Promise<readonly Generation[]>,
  { modelId, thinkPrefilled }: Pick<Generator, 'modelId' | 'thinkPrefilled'>,
): Generator {
  return {
    modelId,
    thinkPrefilled,
    async generate({ prompts, variant: { adapter }, settings, seed }) {
      const { maxNewTokens, temperature, templateDate, repetitionPenalty } = settings;
      if (repetitionPenalty !== 1)
        throw new TrainerError('model-unsupported', 'A repetition penalty is not supported here.');
      if (adapter !== null && adapter.strength !== 0 && adapter.strength !== 1)
        throw new TrainerError(
          'model-unsupported',
          'An adapter is asked as it was trained, or switched off.',
        );
      const useAdapter = adapter !== null && adapter.strength === 1;
      const request = { prompts, maxNewTokens, temperature, seed, useAdapter, templateDate };
      return (await answer(request)).map(({ tokenIds, trace }) => ({
        text: trace.text,
        tokens: tokenIds.length,
        finished: trace.finished,
      }));
    },
  };
}

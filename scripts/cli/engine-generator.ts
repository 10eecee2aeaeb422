/** The trainer's model as the one that answers an evaluation. */
import type { Generator } from '../../src/evaluation/answers/generator.ts';
import { fromWire, TrainerError } from '../../src/support/trainer-error.ts';
import type { Session } from './session.ts';

/** The session has the model open, and the adapter where a variant has one. */
export function engineGenerator(
  session: Pick<Session, 'answer'>,
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
      const outcome = await session.answer({
        prompts,
        maxNewTokens,
        temperature,
        seed,
        useAdapter,
        templateDate,
      });
      if (!outcome.ok) throw fromWire(outcome.error);
      return outcome.value.map(({ tokenIds, trace }) => ({
        text: trace.text,
        tokens: tokenIds.length,
        finished: trace.finished,
      }));
    },
  };
}

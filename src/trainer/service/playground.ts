/** The page's calls about the playground. */
import type { TrainerApi } from '../../api/trainer-api.ts';
import type { Current } from './current.ts';

export const playgroundCalls = (current: Current) =>
  ({
    chat: (request, onDelta) =>
      current.chatting(async (playground, signal) => {
        (await current.engine()).assertHealthy();
        return playground.chat(request, current.run, {
          signal,
          onDelta: (delta) => {
            if (!signal.aborted) onDelta(delta);
          },
        });
      }),
    stopChat: async () => current.cancel('chatting'),
  }) satisfies Partial<TrainerApi>;

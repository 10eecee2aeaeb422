/** The page's end of the training worker: starts it, and gives its contract. */
import type { TrainerApi } from '../api/trainer-api.ts';
import { remoteApi } from './remote-api.ts';

export function createTrainerClient(): TrainerApi {
  return remoteApi<TrainerApi>('training', () => {
    return new Worker(new URL('../../workers/trainer.worker.ts', import.meta.url), { type: 'module' });
  });
}

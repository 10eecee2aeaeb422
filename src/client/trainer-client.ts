/** The page's end of the training worker: starts it, replaces it when it is lost, and gives its contract. */
import type { TrainerApi } from '../api/trainer-api.ts';
import { startRemoteWorker, type RemoteWorker } from './remote-api.ts';
import { superviseTrainer } from './supervised-trainer.ts';

export function createTrainerClient(): TrainerApi {
  return superviseTrainer(startTrainerWorker);
}

/** One worker, nobody replaces it. */
export function startTrainerWorker(): RemoteWorker<TrainerApi> {
  const name = `training ${crypto.randomUUID()}`;
  const worker = new Worker(new URL('../../workers/trainer.worker.ts', import.meta.url), {
    type: 'module',
    name,
  });
  return startRemoteWorker<TrainerApi>('training', worker, () => lockOf(name));
}

/** The worker holds the lock of its name as long as it lives. */
async function lockOf(name: string): Promise<void> {
  if (!('locks' in navigator)) return new Promise(() => undefined); // not a secure context: nobody can tell
  await navigator.locks.request(name, () => undefined);
}

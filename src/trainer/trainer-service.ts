/** The worker's side of the contract (api/trainer-api.ts): a door to the trainer's objects, with one of each open. */
import type { TrainerApi } from '../api/trainer-api.ts';
import type { Host } from '../host/host.ts';
import { Current } from './service/current.ts';
import { datasetCalls } from './service/datasets.ts';
import { evaluationCalls } from './service/evaluations.ts';
import { modelCalls } from './service/models.ts';
import { playgroundCalls } from './service/playground.ts';
import { runCalls } from './service/runs.ts';

export function createTrainerService(host: Host): TrainerApi {
  const current = new Current(host);
  return {
    ...modelCalls(current),
    ...datasetCalls(current),
    ...runCalls(current),
    ...evaluationCalls(current),
    ...playgroundCalls(current),
  };
}

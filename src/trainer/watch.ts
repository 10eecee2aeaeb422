import type { LoadProgress } from '../api/trainer-api.ts';

/** For work that takes long: how far it is, and a way to end it. It then rejects with TrainerError "cancelled". */
export interface Watch {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

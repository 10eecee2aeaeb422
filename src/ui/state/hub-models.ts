/** The hub's models in the page: those that are offered, those that are kept here, and what is typed to name another. */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { CuratedModel, KeptModel, ModelSource, TrainerApi } from '../../api/trainer-api.ts';
import type { Failures } from './failures.ts';
import { createHubFields, type HubFields } from './hub-source.ts';

export interface HubModels extends HubFields {
  readonly curated: ReadonlySignal<readonly CuratedModel[]>;
  readonly kept: ReadonlySignal<readonly KeptModel[]>;
  /** Bytes that the GPU is known to have: by the user's setting, or by what a run has found; null: nobody knows. */
  readonly room: ReadonlySignal<number | null>;
  /** null: what is typed names no model. */
  readonly source: () => ModelSource | null;
  readonly refresh: () => Promise<void>;
  readonly remove: (model: KeptModel) => Promise<void>;
  readonly removeAll: () => Promise<void>;
}

export function createHubModels(
  client: TrainerApi,
  failures: Failures,
  room: ReadonlySignal<number | null>,
): HubModels {
  const curated = signal<readonly CuratedModel[]>([]);
  const kept = signal<readonly KeptModel[]>([]);

  const attempt = async (action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      failures.report('model', error);
    }
  };
  const readKept = async (): Promise<void> => {
    kept.value = await client.listKept();
  };
  return {
    ...createHubFields(),
    curated,
    kept,
    room,
    refresh: () =>
      attempt(async () => {
        if (curated.value.length === 0) curated.value = await client.listCurated();
        await readKept();
      }),
    remove: (model) =>
      attempt(async () => {
        const { repo, commit, quantization } = model;
        await client.removeKept({ repo, commit, quantization });
        await readKept();
      }),
    removeAll: () =>
      attempt(async () => {
        await client.removeAllKept();
        await readKept();
      }),
  };
}

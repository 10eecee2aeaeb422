/** A dataset of the hub in the page: what is typed to name it, and the files it turns out to have. */
import { batch, signal, type ReadonlySignal } from '@preact/signals';
import type { HubDatasetChoice, HubDatasetSource, TrainerApi } from '../../api/trainer-api.ts';
import { toWire } from '../../support/trainer-error.ts';
import type { Failures } from './failures.ts';
import { createHubFields, type HubFields, type HubSource } from './hub-source.ts';

export interface HubDatasets extends HubFields {
  /** null: what is typed names no dataset. */
  readonly source: () => HubSource | null;
  readonly isFinding: ReadonlySignal<boolean>;
  readonly choices: ReadonlySignal<readonly HubDatasetChoice[]>; // of the dataset that was found last
  /** One of them; null where none is the obvious one and the user has not chosen yet. */
  readonly chosen: ReadonlySignal<HubDatasetSource | null>;
  /** Looks it up, and chooses where there is only one thing to choose. */
  readonly find: () => Promise<void>;
  readonly choose: (path: string) => void;
}

export function createHubDatasets(client: TrainerApi, failures: Failures): HubDatasets {
  const fields = createHubFields();
  const isFinding = signal(false);
  const choices = signal<readonly HubDatasetChoice[]>([]);
  const chosen = signal<HubDatasetSource | null>(null);
  let found: HubSource | null = null;

  return {
    ...fields,
    isFinding,
    choices,
    chosen,
    find: async () => {
      const source = fields.source();
      if (source === null || isFinding.peek()) return;
      failures.clear('dataset');
      batch(() => {
        isFinding.value = true;
        choices.value = [];
        chosen.value = null;
      });
      try {
        const report = await client.findHubDataset(source);
        found = source;
        batch(() => {
          choices.value = report.choices;
          chosen.value = report.preferred === null ? null : { ...source, path: report.preferred };
        });
      } catch (error) {
        if (toWire(error).code !== 'cancelled') failures.report('dataset', error); // the user sees that it has ended
      } finally {
        isFinding.value = false;
      }
    },
    choose: (path) => {
      if (found !== null) chosen.value = { ...found, path };
    },
  };
}

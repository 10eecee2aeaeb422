/** Runs of the list that are ticked, and what is known of them side by side. */
import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type { RunComparison } from '../../api/evaluations.ts';
import type { StoredRunContent } from '../../api/stored-runs.ts';
import type { TrainerApi } from '../../api/trainer-api.ts';
import type { Failures } from './failures.ts';
import type { StoredRuns } from './stored-runs.ts';

/** As many as a chart has colours for. */
export const mostCompared = 6;

export interface ComparedRuns {
  readonly runs: readonly StoredRunContent[];
  readonly comparison: RunComparison;
}

export interface Compare {
  /** Ids, in the order in which they were ticked. */
  readonly ticked: ReadonlySignal<readonly string[]>;
  readonly tick: (id: string, isTicked: boolean) => void;
  /** null: the comparison is closed. */
  readonly compared: ReadonlySignal<ComparedRuns | null>;
  readonly open: () => Promise<void>;
  readonly close: () => void;
}

export function createCompare(client: TrainerApi, failures: Failures, { list }: StoredRuns): Compare {
  const all = signal<readonly string[]>([]);
  const compared = signal<ComparedRuns | null>(null);
  const ticked = computed(() => all.value.filter((id) => list.value.some((run) => run.id === id)));
  return {
    ticked,
    tick: (id, isTicked) => {
      const others = ticked.peek().filter((one) => one !== id);
      all.value = isTicked ? [...others, id].slice(-mostCompared) : others;
    },
    compared,
    open: async () => {
      const ids = ticked.peek();
      failures.clear('runs');
      try {
        const [comparison, runs] = await Promise.all([
          client.compareRuns(ids),
          Promise.all(ids.map((id) => client.readRun(id))),
        ]);
        compared.value = { comparison, runs };
      } catch (error) {
        failures.report('runs', error);
      }
    },
    close: () => (compared.value = null),
  };
}

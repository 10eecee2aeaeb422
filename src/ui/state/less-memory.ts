/** Where a run has ended for want of memory: settings that need less, with which it can go on. */
import { effect, signal, type ReadonlySignal } from '@preact/signals';
import type { MemorySuggestion, TrainerApi } from '../../api/trainer-api.ts';
import type { RunConfigKey } from '../../config/run-config.ts';
import type { ErrorCode } from '../../support/trainer-error.ts';
import type { Failures } from './failures.ts';
import type { Run } from './run.ts';
import { draftOf, type Settings } from './settings.ts';
import type { StoredRuns } from './stored-runs.ts';

/** A browser or a driver that has no memory left often says only that something is gone. */
const ofMemory: readonly ErrorCode[] = ['gpu-out-of-memory', 'device-lost', 'worker-lost'];
/** Where nobody knows how much there is: clearly less than what was asked for. */
const shareThatMayFit = 0.75;

export interface LessMemory {
  readonly ways: ReadonlySignal<readonly MemorySuggestion[]>;
  /** Why none of them can be taken now; not that the present settings need too much: the ways are out of just that. */
  readonly blocker: ReadonlySignal<string | null>;
  /** The run can go on with it; else it is started anew. */
  readonly canGoOn: (way: MemorySuggestion) => boolean;
  readonly use: (way: MemorySuggestion) => Promise<void>;
}

interface Page {
  readonly failures: Failures;
  readonly settings: Settings;
  readonly run: Run;
  readonly storedRuns: StoredRuns;
  readonly setUpBlocker: ReadonlySignal<string | null>;
  readonly start: () => Promise<void>;
}

export function createLessMemory(
  client: Pick<TrainerApi, 'planRun'>,
  { failures, settings, run, storedRuns, setUpBlocker, start }: Page,
): LessMemory {
  const ways = signal<readonly MemorySuggestion[]>([]);
  let asked = 0;

  const find = async (): Promise<readonly MemorySuggestion[]> => {
    const config = settings.config.peek();
    const memory = (await client.planRun(config))?.memory;
    if (memory === undefined || !memory.fits) return memory?.suggestions ?? [];
    const limit = (shareThatMayFit * memory.plan.total) / 1e9;
    return (await client.planRun({ ...config, gpuMemoryLimitGb: limit }))?.memory.suggestions ?? [];
  };
  effect(() => {
    const failure = failures.of('run').value;
    const mine = ++asked;
    ways.value = [];
    if (run.isActive.value || failure === null || !ofMemory.includes(failure.code)) return;
    find().then(
      (found) => {
        if (mine === asked) ways.value = found;
      },
      () => undefined, // the failure itself is shown
    );
  });

  const storedRun = () => storedRuns.list.value.find(({ id }) => id === run.id.value);
  const canGoOn = ({ settings: changed }: MemorySuggestion): boolean =>
    storedRun() !== undefined && !('r' in changed); // another rank is another adapter
  return {
    ways,
    blocker: setUpBlocker,
    canGoOn,
    use: async (way) => {
      const stored = storedRun();
      for (const key of Object.keys(way.settings) as RunConfigKey[]) {
        const value = way.settings[key];
        if (value !== undefined) settings.edit(key, draftOf(value));
      }
      if (stored !== undefined && canGoOn(way)) await storedRuns.goOn(stored, way.settings);
      else await start();
    },
  };
}

/** What a run with the present settings would do and take, asked of the worker a moment after those change that affect it. */
import { computed, effect, signal, type ReadonlySignal } from '@preact/signals';
import type { RunForecast, TrainerApi } from '../../api/trainer-api.ts';
import { settingsAffecting } from '../../config/effects.ts';
import type { Run } from './run.ts';
import type { SetUp } from './set-up.ts';
import type { Settings } from './settings.ts';

export interface Forecast {
  /** null before a model and a dataset are there. */
  readonly report: ReadonlySignal<RunForecast | null>;
  /** The run that is set now needs more memory than there is. Not while its settings have changed since it was asked. */
  readonly lacksMemory: ReadonlySignal<boolean>;
}

const settleMs = 250; // typing a number is several changes

export function createForecast(client: TrainerApi, settings: Settings, setUp: SetUp, run: Run): Forecast {
  const report = signal<RunForecast | null>(null);
  const answered = signal(''); // the settings that the report is about
  let timer: ReturnType<typeof setTimeout> | undefined;
  let newest = 0;
  const affecting = computed(() =>
    JSON.stringify(settingsAffecting(settings.config.value, 'memory', 'length', 'reports')),
  );
  effect(() => {
    void affecting.value; // what affects the tokens comes with a new report of the dataset
    const isReady = setUp.model.report.value !== null && setUp.dataset.report.value !== null;
    clearTimeout(timer);
    if (!isReady) report.value = null;
    if (!isReady || run.isActive.value) return;
    const asked = ++newest;
    const about = affecting.value;
    timer = setTimeout(() => {
      client.planRun(settings.config.value).then(
        (answer) => {
          if (asked !== newest) return;
          report.value = answer;
          answered.value = about;
        },
        () => undefined, // the worker has failed: the panel that caused it says so
      );
    }, settleMs);
  });
  const lacksMemory = computed(
    () => report.value !== null && !report.value.memory.fits && answered.value === affecting.value,
  );
  return { report, lacksMemory };
}

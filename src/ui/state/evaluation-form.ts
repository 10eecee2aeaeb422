/** What an evaluation is asked with, as it is typed, and what of it cannot be used. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { AdapterChoice, GenerationSettings } from '../../api/evaluations.ts';
import { adapterOptionsOf, adapterValueOf, type AdapterOption } from './adapter-options.ts';
import type { Run } from './run.ts';
import type { Settings } from './settings.ts';
import type { SetUp } from './set-up.ts';
import type { StoredRuns } from './stored-runs.ts';

export interface EvaluationForm {
  readonly sampleRows: Signal<string>; // "": all
  readonly sampleSeed: Signal<string>;
  readonly maxNewTokens: Signal<string>;
  readonly systemPrompt: Signal<string>;
  readonly temperature: Signal<string>;
  readonly samples: Signal<string>;
  readonly seed: Signal<string>;
  readonly adapterOptions: ReadonlySignal<readonly AdapterOption[]>;
  /** One of the options; where the user has not chosen, that of the run that is shown. */
  readonly adapterValue: ReadonlySignal<string>;
  readonly chooseAdapter: (value: string) => void;
  readonly adapter: ReadonlySignal<AdapterChoice>;
  /** The first thing that must be corrected, as a sentence; null: nothing. */
  readonly problem: ReadonlySignal<string | null>;
  /** Of what is typed; only where there is no problem. */
  readonly settings: () => GenerationSettings;
  readonly sample: () => { readonly sampleRows: number | null; readonly sampleSeed: number };
}

const mostSeed = 4_294_967_295;

interface Limits {
  readonly least: number;
  readonly most: number;
  readonly isWhole: boolean;
}
const whole = (least: number, most: number): Limits => ({ least, most, isWhole: true });

/** null: it is not such a number. */
function numberIn(text: string, { least, most, isWhole }: Limits): number | null {
  const value = text.trim() === '' ? NaN : Number(text);
  const fits = value >= least && value <= most && (!isWhole || Number.isInteger(value));
  return fits ? value : null;
}

export function createEvaluationForm({
  settings,
  setUp,
  run,
  storedRuns,
}: {
  readonly settings: Settings;
  readonly setUp: SetUp;
  readonly run: Run;
  readonly storedRuns: StoredRuns;
}): EvaluationForm {
  const texts = {
    sampleRows: signal('50'),
    sampleSeed: signal('0'),
    maxNewTokens: signal('256'),
    systemPrompt: signal(''),
    temperature: signal('0'),
    samples: signal('1'),
    seed: signal('42'),
  };
  const fields = [
    ['Prompts of each suite', texts.sampleRows, whole(1, 1e9), 'empty for all, or a whole number from 1'],
    ['Seed of the choice', texts.sampleSeed, whole(0, mostSeed), 'a whole number from 0'],
    ['Longest answer', texts.maxNewTokens, whole(1, 16_384), 'a whole number from 1 to 16,384'],
    ['Temperature', texts.temperature, { least: 0, most: 10, isWhole: false }, 'a number from 0 to 10'],
    ['Answers per prompt', texts.samples, whole(1, 1000), 'a whole number from 1'],
    ['Seed of the answers', texts.seed, whole(0, mostSeed), 'a whole number from 0'],
  ] as const;
  const isAll = (): boolean => texts.sampleRows.value.trim() === '';
  const chosenAdapter = signal<string | null>(null);

  const sources = { setUp, run, storedRuns };
  const adapterOptions = computed(() => adapterOptionsOf(sources));
  const adapterValue = computed(() => adapterValueOf(adapterOptions.value, sources, chosenAdapter.value));

  return {
    ...texts,
    adapterOptions,
    adapterValue,
    chooseAdapter: (value) => (chosenAdapter.value = value),
    adapter: computed((): AdapterChoice => {
      const { value } = adapterValue;
      if (value === 'none' || value === 'current') return { kind: value };
      return { kind: 'run', runId: value.slice('run:'.length) };
    }),
    problem: computed(() => {
      const wrong = fields.find(
        ([, text, limits]) =>
          !(text === texts.sampleRows && isAll()) && numberIn(text.value, limits) === null,
      );
      if (wrong !== undefined) return `“${wrong[0]}” must be ${wrong[3]}.`;
      if (Number(texts.samples.value) > 1 && Number(texts.temperature.value) === 0)
        return 'Several answers per prompt need a temperature above 0: at 0 they are all the same.';
      return null;
    }),
    settings: () => ({
      maxNewTokens: Number(texts.maxNewTokens.value),
      temperature: Number(texts.temperature.value),
      samples: Number(texts.samples.value),
      seed: Number(texts.seed.value),
      systemPrompt: texts.systemPrompt.value,
      repetitionPenalty: 1,
      templateDate: settings.config.value.templateDate,
    }),
    sample: () => ({
      sampleRows: isAll() ? null : Number(texts.sampleRows.value),
      sampleSeed: Number(texts.sampleSeed.value),
    }),
  };
}

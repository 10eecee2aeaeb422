/** With what the playground asks: settings as they are typed, and whose adapter. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { ChatSettings, PlaygroundAdapter } from '../../api/playground.ts';
import { chatProblem } from '../../config/chat-limits.ts';
import { adapterOptionsOf, adapterValueOf, type AdapterOption } from './adapter-options.ts';
import type { Run } from './run.ts';
import type { Settings } from './settings.ts';
import type { SetUp } from './set-up.ts';
import type { StoredRuns } from './stored-runs.ts';

type DroppedAdapter = Extract<PlaygroundAdapter, { readonly kind: 'files' }>;

export interface PlaygroundForm {
  readonly systemPrompt: Signal<string>;
  readonly temperature: Signal<string>;
  readonly topP: Signal<string>;
  readonly maxNewTokens: Signal<string>;
  readonly seed: Signal<string>;
  readonly strength: Signal<number>;
  readonly adapterOptions: ReadonlySignal<readonly AdapterOption[]>;
  readonly adapterValue: ReadonlySignal<string>;
  readonly chooseAdapter: (value: string) => void;
  readonly adapter: ReadonlySignal<PlaygroundAdapter>;
  /** In words, e.g. for the title of a reply. */
  readonly adapterName: ReadonlySignal<string>;
  /** Files of a PEFT folder, or a zip: chosen at once, read with the next question. */
  readonly addAdapter: (files: readonly File[], name?: string) => void;
  /** The first thing that must be corrected, as a sentence; null: nothing. */
  readonly problem: ReadonlySignal<string | null>;
  /** Of what is typed; only where there is no problem. */
  readonly settings: () => ChatSettings;
}

/** An empty field is no number. */
const numberIn = (text: string): number => (text.trim() === '' ? NaN : Number(text));

export function createPlaygroundForm(
  settings: Settings,
  sources: { readonly setUp: SetUp; readonly run: Run; readonly storedRuns: StoredRuns },
): PlaygroundForm {
  const texts = {
    systemPrompt: signal(''),
    temperature: signal('0.6'),
    topP: signal('0.95'),
    maxNewTokens: signal('256'),
    seed: signal('42'),
  };
  const strength = signal(1);
  const dropped = signal<readonly DroppedAdapter[]>([]);
  const chosen = signal<string | null>(null);

  const adapterOptions = computed((): AdapterOption[] => [
    ...adapterOptionsOf(sources),
    ...dropped.value.map(({ id, name }) => ({ value: `files:${id}`, label: `${name} (from your files)` })),
  ]);
  const adapterValue = computed(() => adapterValueOf(adapterOptions.value, sources, chosen.value));

  const typed = (): ChatSettings => ({
    maxNewTokens: numberIn(texts.maxNewTokens.value),
    temperature: numberIn(texts.temperature.value),
    topP: numberIn(texts.topP.value),
    seed: numberIn(texts.seed.value),
    strength: strength.value,
    templateDate: settings.config.value.templateDate,
  });

  return {
    ...texts,
    strength,
    adapterOptions,
    adapterValue,
    chooseAdapter: (value) => (chosen.value = value),
    adapter: computed((): PlaygroundAdapter => {
      const { value } = adapterValue;
      if (value === 'none' || value === 'current') return { kind: value };
      if (value.startsWith('run:')) return { kind: 'run', runId: value.slice('run:'.length) };
      return dropped.value.find(({ id }) => value === `files:${id}`) ?? { kind: 'none' };
    }),
    adapterName: computed(
      () => adapterOptions.value.find(({ value }) => value === adapterValue.value)?.label ?? '',
    ),
    addAdapter: (files, given) => {
      if (files.length === 0) return;
      const [first] = files;
      const folder = first.webkitRelativePath.split('/')[0];
      const name = given ?? (folder || (files.length === 1 ? first.name : 'Dropped adapter'));
      const added = { kind: 'files', id: crypto.randomUUID(), name, files } as const;
      dropped.value = [...dropped.value, added];
      chosen.value = `files:${added.id}`;
    },
    problem: computed(() => chatProblem(typed())),
    settings: typed,
  };
}

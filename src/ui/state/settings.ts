/**
 * The run settings as the user types them: edits over defaults, parsed by the same table that reads run_config.json.
 * Fields nobody touched follow the model's defaults; edited ones stay as they are.
 */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { demoRunConfig } from '../../config/demo-preset.ts';
import type { Reason } from '../../config/fitting-defaults.ts';
import type { ConfigProblem, UnusedSetting } from '../../config/foreign-settings.ts';
import { presets } from '../../config/presets.ts';
import {
  fieldOf,
  parseRunConfig,
  readSettings,
  runConfigKeys,
  toRawRunConfig,
  type RawRunConfig,
  type RunConfig,
  type RunConfigKey,
} from '../../config/run-config.ts';

/** What a form control holds: text for numbers and choices, lines or ticks for lists. */
export type Draft = string | boolean | readonly string[];

export interface GivenSettings {
  readonly taken: readonly RunConfigKey[];
  readonly unused: readonly UnusedSetting[];
  readonly problems: readonly ConfigProblem[];
}

export interface Settings {
  readonly drafts: ReadonlySignal<Readonly<Record<RunConfigKey, Draft>>>;
  readonly config: ReadonlySignal<RunConfig>;
  /** By key: "must be from 0 to 1, not 5". */
  readonly problems: ReadonlySignal<ReadonlyMap<RunConfigKey, string>>;
  readonly isEdited: ReadonlySignal<boolean>;
  readonly edit: (key: RunConfigKey, draft: Draft) => void;
  /** The preset whose every setting is in force, or null. */
  readonly preset: ReadonlySignal<string | null>;
  /** Puts its settings over the defaults; "" takes them back. Edits of other settings stay. */
  readonly usePreset: (id: string) => void;
  /** Settings of a file or a link, under their names in files: all of them, or, where one is wrong, none. */
  readonly useGiven: (raw: Readonly<Record<string, unknown>>) => GivenSettings;
  /** Those that are not the defaults, under their names in files. */
  readonly changed: () => RawRunConfig;
  /** Every setting as it is there, whatever was typed; `typed`: those that count as the user's own all the same. */
  readonly useAll: (config: RunConfig, typed?: readonly RunConfigKey[]) => void;
  /** Chosen by the user since settings were last taken over as a whole. */
  readonly isTyped: (key: RunConfigKey) => boolean;
  readonly reset: () => void;
  readonly useDefaults: (config: RunConfig, reasons?: readonly Reason[]) => void;
  /** Of the model that is loaded: no row may be longer. */
  readonly maxPositions: Signal<number>;
  /** Why defaults are what they are for this model and these data; of those that are in force. */
  readonly reasons: ReadonlySignal<readonly Reason[]>;
}

export function createSettings(): Settings {
  const defaults = signal<RunConfig>(demoRunConfig);
  const maxPositions = signal(Infinity);
  const reasons = signal<readonly Reason[]>([]);
  /** Also of values that are the defaults now: these may become others. */
  const edits = signal<Partial<Record<RunConfigKey, Draft>>>({});
  let typedKeys = new Set<RunConfigKey>();
  let lastPut: ReadonlyMap<RunConfigKey, Draft> = new Map();

  const drafts = computed(
    () =>
      Object.fromEntries(
        runConfigKeys.map((key) => [key, edits.value[key] ?? draftOf(defaults.value[key])]),
      ) as Record<RunConfigKey, Draft>,
  );
  const parsed = computed(() => {
    const keys = Object.keys(edits.value) as RunConfigKey[];
    const raw = Object.fromEntries(keys.map((key) => [fieldOf(key).file, valueOf(key, edits.value[key])]));
    return parseRunConfig(raw, defaults.value);
  });
  const problems = computed(() => {
    const messages = new Map(parsed.value.problems.map(({ file, message }) => [file, message]));
    if (parsed.value.config.maxLength > maxPositions.value && !messages.has(fieldOf('maxLength').file))
      messages.set(
        fieldOf('maxLength').file,
        `must not be above ${maxPositions.value.toLocaleString('en')}, all that this model reads`,
      );
    const known = runConfigKeys.flatMap((key): [RunConfigKey, string][] => {
      const message = messages.get(fieldOf(key).file);
      return message === undefined ? [] : [[key, message]];
    });
    return new Map(known);
  });

  /** In the place of what was put there so before and was not changed since. */
  function put(chosen: ReadonlyMap<RunConfigKey, Draft>): void {
    const others = (Object.entries(edits.value) as [RunConfigKey, Draft][]).filter(
      ([key, draft]) => !isSame(draft, lastPut.get(key)),
    );
    lastPut = chosen;
    edits.value = Object.fromEntries([...others, ...chosen]);
  }
  const keysIn = (raw: RawRunConfig): RunConfigKey[] =>
    runConfigKeys.filter((key) => fieldOf(key).file in raw);

  return {
    drafts,
    config: computed(() => parsed.value.config),
    problems,
    isEdited: computed(() =>
      runConfigKeys.some((key) => {
        const draft = edits.value[key];
        return draft !== undefined && !isSame(draft, draftOf(defaults.value[key]));
      }),
    ),
    maxPositions,
    reasons: computed(() => reasons.value.filter(({ key }) => edits.value[key] === undefined)),
    isTyped: (key) => typedKeys.has(key),
    edit: (key, draft) => {
      typedKeys.add(key);
      edits.value = { ...edits.value, [key]: draft };
    },
    preset: computed(() => {
      const { config } = parsed.value;
      const isInForce = (settings: RawRunConfig): boolean =>
        isSame(parseRunConfig(settings, config).config, config);
      return problems.value.size > 0
        ? null
        : (presets.find(({ settings }) => isInForce(settings))?.id ?? null);
    }),
    usePreset: (id) => {
      const settings = presets.find((preset) => preset.id === id)?.settings ?? {};
      const { config } = parseRunConfig(settings, defaults.value);
      put(new Map(keysIn(settings).map((key) => [key, draftOf(config[key])])));
    },
    useGiven: (given) => {
      const { raw, unused, problems: unmet } = readSettings(given);
      const { config, problems: wrong } = parseRunConfig(raw, defaults.value);
      const refused = [...unmet, ...wrong];
      if (refused.length === 0) {
        for (const key of keysIn(raw)) typedKeys.add(key);
        const drafted = keysIn(raw).map((key) => [key, draftOf(config[key])] as const);
        edits.value = { ...edits.value, ...Object.fromEntries(drafted) };
      }
      return { taken: refused.length === 0 ? keysIn(raw) : [], unused, problems: refused };
    },
    changed: () => {
      const { config } = parsed.value;
      const raw = toRawRunConfig(config);
      const keys = runConfigKeys.filter((key) => !isSame(config[key], defaults.value[key]));
      return Object.fromEntries(keys.map((key) => [fieldOf(key).file, raw[fieldOf(key).file]]));
    },
    useAll: (config, typed = []) => {
      typedKeys = new Set(typed);
      edits.value = Object.fromEntries(runConfigKeys.map((key) => [key, draftOf(config[key])]));
    },
    reset: () => {
      typedKeys = new Set();
      edits.value = {};
    },
    useDefaults: (config, why = []) => {
      defaults.value = config;
      reasons.value = why;
    },
  };
}

export const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export function draftOf(value: RunConfig[RunConfigKey]): Draft {
  return typeof value === 'number' ? String(value) : value;
}

/** What the parser is to judge: text that is no number is handed on as text, so that its message can quote it. */
function valueOf(key: RunConfigKey, draft: Draft | undefined): unknown {
  const { type } = fieldOf(key);
  if (type === 'list' && isLines(draft))
    return draft.map((line) => line.trim()).filter((line) => line !== '');
  if ((type !== 'number' && type !== 'integer') || typeof draft !== 'string') return draft;
  const text = draft.trim();
  return text === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

export const isLines = (draft: Draft | undefined): draft is readonly string[] => Array.isArray(draft);

/** The builder's options as they are typed; `options` is null while one of them cannot be used. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { BuildOptions, ShapeId, Templates } from '../../api/builder-api.ts';

type NumberField = 'count' | 'harmfulShare' | 'seed';

export interface BuilderForm {
  readonly shape: Signal<ShapeId>;
  readonly numbers: Readonly<Record<NumberField, ReadonlySignal<string>>>;
  readonly problems: ReadonlySignal<Partial<Record<NumberField, string>>>;
  readonly onlyRefused: Signal<boolean>;
  readonly writeTraces: Signal<boolean>;
  readonly writeAssessments: Signal<boolean>;
  readonly templates: ReadonlySignal<Templates | null>; // null: not known yet
  readonly areTemplatesEdited: ReadonlySignal<boolean>;
  readonly options: ReadonlySignal<BuildOptions | null>;
  readonly maxNewTokens: number;
  readonly edit: (field: NumberField, text: string) => void;
  readonly editTemplate: <Name extends keyof Templates>(name: Name, value: Templates[Name]) => void;
  readonly resetTemplates: () => void;
  readonly useTemplates: (templates: Templates) => void;
  readonly suggestCount: (most: number) => void;
}

const DEFAULT_COUNT = 1000;
const MOST_ROWS = 50_000; // the rows are kept in the page
const ranges: Readonly<
  Record<NumberField, { readonly accepts: (n: number) => boolean; readonly text: string }>
> = {
  count: {
    accepts: (n) => Number.isInteger(n) && n >= 1 && n <= MOST_ROWS,
    text: `a whole number from 1 to ${MOST_ROWS}`,
  },
  harmfulShare: { accepts: (n) => n >= 0 && n <= 1, text: 'a number from 0 to 1' },
  seed: {
    accepts: (n) => Number.isInteger(n) && n >= 0 && n <= 4_294_967_295,
    text: 'a whole number from 0',
  },
};

export function createBuilderForm(): BuilderForm {
  const shape = signal<ShapeId>('alttrain');
  const numbers = { count: signal(String(DEFAULT_COUNT)), harmfulShare: signal('0.9'), seed: signal('1995') };
  const onlyRefused = signal(false);
  const writeTraces = signal(false);
  const writeAssessments = signal(false);
  const defaults = signal<Templates | null>(null);
  const edits = signal<Partial<Templates>>({});
  let hasOwnCount = false;

  const valueOf = (field: NumberField): number => {
    const text = numbers[field].value.trim();
    return text === '' ? Number.NaN : Number(text);
  };
  const problems = computed(() => {
    const found: Partial<Record<NumberField, string>> = {};
    for (const field of Object.keys(ranges) as NumberField[])
      if (!ranges[field].accepts(valueOf(field))) found[field] = `must be ${ranges[field].text}`;
    return found;
  });
  const templates = computed(() => (defaults.value === null ? null : { ...defaults.value, ...edits.value }));

  return {
    shape,
    numbers,
    problems,
    onlyRefused,
    writeTraces,
    writeAssessments,
    templates,
    areTemplatesEdited: computed(() => Object.keys(edits.value).length > 0),
    options: computed(() =>
      templates.value === null || Object.keys(problems.value).length > 0
        ? null
        : {
            shape: shape.value,
            count: valueOf('count'),
            harmfulShare: valueOf('harmfulShare'),
            seed: valueOf('seed'),
            templates: templates.value,
            onlyRefused: onlyRefused.value,
            writeTraces: writeTraces.value,
            writeAssessments: writeAssessments.value,
          },
    ),
    maxNewTokens: 512,
    edit: (field, text) => {
      if (field === 'count') hasOwnCount = text.trim() !== '';
      numbers[field].value = text;
    },
    editTemplate: (name, value) => (edits.value = { ...edits.value, [name]: value }),
    resetTemplates: () => (edits.value = {}),
    useTemplates: (known) => (defaults.value = known),
    suggestCount: (most) => {
      if (!hasOwnCount)
        numbers.count.value = String(most > 0 ? Math.min(DEFAULT_COUNT, most) : DEFAULT_COUNT);
    },
  };
}

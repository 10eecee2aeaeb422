/**
 * The paper's comparison in this page: one recipe after the other is trained on the demo's rows for it and judged. What was done is found
 * again among the kept runs and evaluations, so that it goes on where it stopped, and nothing else has to remember it.
 */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { EvaluationRequest, GenerationSettings, StoredEvaluation } from '../../api/evaluations.ts';
import type { StoredRun } from '../../api/stored-runs.ts';
import { runConfigKeys, type RunConfig, type RunConfigKey } from '../../config/run-config.ts';
import { figuresOf } from '../../reproduce/figures.ts';
import type { Outcome } from '../../reproduce/outcome.ts';
import { comparisonPrompts, demoComparisonSteps, recipes, type Recipe } from '../../reproduce/recipes.ts';
import { linesOf, markdownOf, type Line } from '../../reproduce/report.ts';
import { fromWire, TrainerError } from '../../support/trainer-error.ts';
import { tokensPerSample } from '../compare-words.ts';
import type { Evaluations } from './evaluations.ts';
import type { Failures } from './failures.ts';
import type { Forecast } from './forecast.ts';
import type { Run } from './run.ts';
import { isSame, type Settings } from './settings.ts';
import type { SetUp } from './set-up.ts';
import { configOf, type StoredRuns } from './stored-runs.ts';

/** Of public/datasets: the rows of each recipe, as `npm run reproduce` builds them. */
const rowsFolder = 'reproduce/';

export interface ReproduceState {
  /** Ids of recipes. */
  readonly chosen: Signal<ReadonlySet<string>>;
  readonly promptsPerSuite: Signal<string>;
  readonly steps: Signal<string>;
  readonly isActive: ReadonlySignal<boolean>;
  readonly isStopping: ReadonlySignal<boolean>;
  /** What is done right now; empty: nothing. */
  readonly now: ReadonlySignal<string>;
  /** Chosen, and not trained and judged yet with these settings. */
  readonly left: ReadonlySignal<readonly Recipe[]>;
  /** Of training those, by forecast, without the answers; null: not known. */
  readonly seconds: ReadonlySignal<number | null>;
  /** All that was made with these settings, of every seed. */
  readonly lines: ReadonlySignal<readonly Line[]>;
  /** Why it cannot begin, or go on; null: it can. */
  readonly blocker: ReadonlySignal<string | null>;
  /** Of the table. */
  readonly markdown: () => string;
  readonly start: () => Promise<void>;
  /** After the step, or the answers, under way; what is there is kept. */
  readonly stop: () => Promise<void>;
}

interface Parts {
  readonly failures: Failures;
  readonly settings: Settings;
  readonly setUp: SetUp;
  readonly run: Run;
  readonly storedRuns: StoredRuns;
  readonly evaluations: Evaluations;
  readonly forecast: Forecast;
  /** Why nothing can be trained now. */
  readonly startBlocker: ReadonlySignal<string | null>;
}

/** What does not change the adapter. */
const withoutEffect: readonly RunConfigKey[] = [
  ...(['seed', 'loggingSteps', 'sampleSteps', 'samplePrompts', 'saveSteps', 'suitePrompts'] as const),
  ...(['maxNewTokens', 'temperature', 'gpuMemoryLimitGb'] as const),
];

export function createReproduce({
  failures,
  settings,
  setUp,
  run,
  storedRuns,
  evaluations,
  forecast,
  startBlocker,
}: Parts): ReproduceState {
  const chosen = signal<ReadonlySet<string>>(new Set(recipes.map(({ id }) => id)));
  const promptsPerSuite = signal(String(comparisonPrompts));
  const steps = signal(String(demoComparisonSteps));
  const isActive = signal(false);
  const isStopping = signal(false);
  const now = signal('');

  const runSettings = (): RunConfig => ({
    ...settings.config.value,
    ...{ maxSteps: wantedSteps(), sampleSteps: 0, suitePrompts: 0 },
  });
  const answerSettings = (): GenerationSettings => ({
    ...{ maxNewTokens: 96, temperature: 0, samples: 1, seed: 42, systemPrompt: '', repetitionPenalty: 1 },
    templateDate: settings.config.value.templateDate,
  });
  const isSameTraining = (stored: StoredRun): boolean => {
    const [its, wanted] = [configOf(stored), runSettings()];
    return runConfigKeys.every((key) => withoutEffect.includes(key) || isSame(its[key], wanted[key]));
  };
  /** By recipe; the newest of each seed comes first. */
  const runsOf = (recipe: Recipe): StoredRun[] =>
    storedRuns.list.value.filter(
      (stored) =>
        stored.model.source.kind === 'demo' &&
        stored.dataset.source.kind === 'builtin' &&
        stored.dataset.source.name === `${rowsFolder}${recipe.id}` &&
        isSameTraining(stored),
    );
  const evaluationOf = (stored: StoredRun): StoredEvaluation | null =>
    evaluations.list.value.find(
      ({ adapter, settings: asked, suites }) =>
        adapter?.runId === stored.id &&
        isSame(asked, answerSettings()) &&
        suites.every(({ n, sampled }) => n === wantedRows() || (n < wantedRows() && sampled === null)),
    ) ?? null;
  const wantedRows = (): number => Number(promptsPerSuite.value);
  const wantedSteps = (): number => Number(steps.value);

  const outcomes = computed((): readonly Outcome[] => {
    const found: Outcome[] = [];
    const seen = new Set<string>();
    for (const recipe of recipes)
      for (const stored of runsOf(recipe)) {
        const { seed } = configOf(stored);
        const results = evaluationOf(stored)?.results ?? null;
        if (stored.state !== 'finished' || results === null || seen.has(`${recipe.id} ${seed}`)) continue;
        seen.add(`${recipe.id} ${seed}`);
        const about = { seed, device: stored.device };
        if (!seen.has(`base ${seed}`)) {
          seen.add(`base ${seed}`);
          const base = { recipe: 'base', rows: 0, tokensPerSample: null, steps: 0, trainSeconds: 0 };
          found.push({ ...about, ...base, figures: figuresOf(results, 'base') });
        }
        found.push({
          ...about,
          recipe: recipe.id,
          figures: figuresOf(results, 'adapter'),
          rows: stored.counts.rows,
          tokensPerSample: tokensPerSample(stored.counts),
          steps: stored.step,
          trainSeconds: stored.result?.seconds ?? 0,
        });
      }
    return found;
  });
  const left = computed(() =>
    recipes.filter(
      ({ id }) =>
        chosen.value.has(id) &&
        !outcomes.value.some(({ recipe, seed }) => recipe === id && seed === settings.config.value.seed),
    ),
  );

  /** The run, trained to its end; null: it was stopped, or failed, which is said where runs are. */
  async function train(recipe: Recipe, config: RunConfig): Promise<StoredRun | null> {
    const ofSeed = runsOf(recipe).filter((stored) => configOf(stored).seed === config.seed);
    const finished = ofSeed.find(({ state }) => state === 'finished');
    if (finished !== undefined) return finished;
    await setUp.readDataset({ kind: 'builtin', name: `${rowsFolder}${recipe.id}` });
    const unreadable = failures.of('dataset').value;
    // Said here: under "Dataset" stands what was chosen there, which is read again.
    if (unreadable !== null) failures.report('reproduce', fromWire(unreadable));
    if (unreadable !== null || isStopping.value) return null;
    const begun = ofSeed.find(({ isHeld, step }) => !isHeld && step > 0);
    setUp.markUsed();
    await run.start(config, begun === undefined ? {} : { runId: begun.id });
    await storedRuns.refresh();
    const trained = storedRuns.list.value.find(({ id }) => id === run.id.value) ?? null;
    if (trained === null && run.phase.value === 'done')
      failures.report(
        'reproduce',
        new TrainerError(
          'storage-unavailable',
          'The run could not be kept in this browser, and the comparison is made of kept runs. Allow this page to store data, or use npm run reproduce.',
        ),
      );
    if (trained !== null && trained.title === '')
      await storedRuns.describe(trained, {
        title: `Paper: ${recipe.title}, seed ${config.seed}`,
        notes: recipe.about,
      });
    return trained?.state === 'finished' ? trained : null;
  }

  async function judge(stored: StoredRun): Promise<void> {
    const begun = evaluationOf(stored);
    if (begun?.state === 'finished') return;
    if (begun !== null) return evaluations.goOn(begun.id);
    const request: EvaluationRequest = {
      files: [{ source: { kind: 'demo' }, mapping: [], names: null }],
      sampleRows: wantedRows(),
      sampleSeed: 0,
      settings: answerSettings(),
      adapter: { kind: 'run', runId: stored.id },
    };
    await evaluations.evaluate(request);
  }

  const blocker = computed(() => {
    if (isActive.value) return null;
    if (setUp.model.report.value !== null && setUp.modelSource.value.kind !== 'demo')
      return 'These rows are written in the demo model’s words: choose the demo under “Model”, or use npm run reproduce -- --model with your own rows.';
    for (const [label, value] of [
      ['Steps of each run', wantedSteps()],
      ['Prompts of each suite', wantedRows()],
    ] as const)
      if (!(Number.isInteger(value) && value > 0)) return `“${label}” must be a whole number from 1.`;
    return startBlocker.value ?? (chosen.value.size === 0 ? 'Choose what is to be trained.' : null);
  });

  return {
    chosen,
    promptsPerSuite,
    steps,
    isActive,
    isStopping,
    now,
    left,
    seconds: computed(() => {
      const report = forecast.report.value;
      if (report === null) return null;
      return (report.time.seconds / report.totalSteps) * wantedSteps() * left.value.length;
    }),
    lines: computed(() => linesOf(recipes, outcomes.value)),
    blocker,
    markdown: () =>
      markdownOf(linesOf(recipes, outcomes.value), [
        `Made in AltTrain Web with the model ${setUp.model.report.value?.name ?? ''}.`,
      ]),
    start: async () => {
      if (isActive.value || blocker.value !== null) return;
      const config = runSettings();
      const source = setUp.datasetSource.value;
      isActive.value = true;
      failures.clear('reproduce');
      isStopping.value = false;
      try {
        const todo = left.value;
        for (const [i, recipe] of todo.entries()) {
          now.value = `${i + 1} of ${todo.length}: ${recipe.title}`;
          const trained = await train(recipe, config);
          if (trained === null || isStopping.value) break;
          await judge(trained);
          if (isStopping.value || failures.of('evaluation').value !== null) break;
        }
      } finally {
        now.value = '';
        isActive.value = false;
        await setUp.readDataset(source);
      }
    },
    stop: async () => {
      isStopping.value = true;
      if (run.isActive.value) await run.stop();
      if (evaluations.isActive.value) await evaluations.pause();
    },
  };
}

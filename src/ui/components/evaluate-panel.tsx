import { useSignalEffect } from '@preact/signals';
import type { Signal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { formatCount, formatCountOf } from '../format.ts';
import { useApp, type AppState } from '../state/app-state.ts';
import { LeakageCheck } from './leakage-check.tsx';
import { SelectField } from './select-field.tsx';
import { StepPanel } from './step-panel.tsx';
import { SuiteFilesView } from './suite-files.tsx';

/** Which suites are asked, of whom, and how. What comes of it stands in the right column. */
export function EvaluatePanel() {
  const app = useApp();
  const { suiteFiles, evaluationForm: form, evaluations, setUp } = app;
  useSignalEffect(() => {
    if (setUp.model.progress.value === null) void suiteFiles.followModel();
  });
  const isLocked = evaluations.isActive.value;
  const blocker = whyNotEvaluate(app);
  return (
    <StepPanel number={4} title="Evaluate" isReady={false} region="Evaluate">
      <p class="small muted">
        A suite is a list of prompts with what is known of a right answer. The model answers them without an
        adapter and with one, and the answers are judged.
      </p>
      <SuiteFilesView />
      <LeakageCheck isLocked={isLocked} />
      <div class="evaluate-fields">
        <div class="wide-field">
          <SelectField
            label="Adapter to compare with the base model"
            value={form.adapterValue.value}
            options={form.adapterOptions.value.map(({ value, label }) => [value, label])}
            onSelect={form.chooseAdapter}
            isLocked={isLocked}
          />
        </div>
        <Field label="Prompts of each suite" text={form.sampleRows} hint="empty: all" isLocked={isLocked} />
        <Field label="Seed of the choice" text={form.sampleSeed} isLocked={isLocked} />
        <Field label="Longest answer, in tokens" text={form.maxNewTokens} isLocked={isLocked} />
      </div>
      <details class="fold">
        <summary>More about the answers</summary>
        <div class="evaluate-fields">
          <Field label="Temperature" text={form.temperature} hint="0: most likely" isLocked={isLocked} />
          <Field label="Answers per prompt" text={form.samples} isLocked={isLocked} />
          <Field label="Seed of the answers" text={form.seed} isLocked={isLocked} />
          <Field label="System prompt" text={form.systemPrompt} isLocked={isLocked} isWide />
        </div>
      </details>
      <button
        type="button"
        class="button"
        disabled={blocker !== null}
        aria-describedby="evaluate-blocker"
        onClick={() => void evaluations.start()}
      >
        Evaluate
      </button>
      <p class="small muted" id="evaluate-blocker">
        {blocker ?? planText(app)}
      </p>
    </StepPanel>
  );
}

interface FieldProps {
  readonly label: string;
  readonly text: Signal<string>;
  readonly isLocked: boolean;
  readonly hint?: string;
  readonly isWide?: boolean;
}

function Field({ label, text, isLocked, hint, isWide = false }: FieldProps) {
  const id = useId();
  return (
    <div class={isWide ? 'wide-field' : ''}>
      <label class="small" for={id}>
        {label}
      </label>
      <input
        id={id}
        class="control"
        type="text"
        autocomplete="off"
        spellcheck={false}
        placeholder={hint ?? ''}
        disabled={isLocked}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
    </div>
  );
}

function whyNotEvaluate({ setUp, run, evaluations, suiteFiles, evaluationForm }: AppState): string | null {
  if (evaluations.isActive.value) return 'An evaluation is under way.';
  if (run.isActive.value) return 'A run is under way: it uses the GPU.';
  if (setUp.model.progress.value !== null) return 'Loading the model …';
  if (setUp.unmetModel.value !== null) return 'Load the model that is chosen, or go back to the one before.';
  if (setUp.model.report.value === null) return 'Choose a model first.';
  if (suiteFiles.chosenRows.value.length === 0) return 'Choose a suite first.';
  return evaluationForm.problem.value;
}

function planText({ suiteFiles, evaluationForm: form }: AppState): string {
  const { sampleRows } = form.sample();
  const prompts = suiteFiles.chosenRows.value.reduce((sum, n) => sum + Math.min(n, sampleRows ?? n), 0);
  const { samples } = form.settings();
  const variants = form.adapter.value.kind === 'none' ? 1 : 2;
  const who = variants === 1 ? '' : ', without the adapter and with it';
  return `${formatCountOf(prompts, 'prompt')}${who}: ${formatCount(prompts * samples * variants)} answers.`;
}

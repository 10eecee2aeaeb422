import { useEffect, useRef } from 'preact/hooks';
import { fieldOf, runConfigKeys, type Field, type RunConfigKey } from '../../config/run-config.ts';
import { roughTime } from '../../support/rough-time.ts';
import { formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { MemoryPlan } from './memory-plan.tsx';
import { PresetChoice } from './preset-choice.tsx';
import { SettingField } from './setting-field.tsx';
import { SettingsTransferView } from './settings-transfer.tsx';
import { StepPanel } from './step-panel.tsx';
import { StoragePlan } from './storage-plan.tsx';

/** The few that decide about a run; the rest waits under "More settings". */
const primaryKeys: readonly RunConfigKey[] = [
  'learningRate',
  'maxSteps',
  'numTrainEpochs',
  'perDeviceTrainBatchSize',
  'gradientAccumulationSteps',
  'r',
  'loraAlpha',
  'maxLength',
  'seed',
];
const groups: readonly Field['group'][] = ['Training', 'Optimizer', 'LoRA', 'Data', 'Reports'];

/** Not without a choice today. */
function isOffered(key: RunConfigKey): boolean {
  const field = fieldOf(key);
  return !(field.type === 'choice' && field.choices.length < 2);
}
const inModelPanel: readonly RunConfigKey[] = ['quantization']; // it decides how the model is loaded
const furtherKeys = runConfigKeys.filter(
  (key) => isOffered(key) && !primaryKeys.includes(key) && !inModelPanel.includes(key),
);

export function SettingsPanel() {
  const { settings, run } = useApp();
  const problems = settings.problems.value;
  const hasHiddenProblem = furtherKeys.some((key) => problems.has(key));
  const more = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (hasHiddenProblem && more.current) more.current.open = true;
  }, [hasHiddenProblem]);
  return (
    <StepPanel number={3} title="Run settings" isReady={problems.size === 0}>
      <fieldset class="settings" disabled={run.isActive.value}>
        <legend class="visually-hidden">Run settings</legend>
        <PresetChoice />
        <SettingsTransferView />
        {primaryKeys.map((key) => (
          <SettingField key={key} name={key} />
        ))}
        <RunPlan />
        <MemoryPlan />
        <StoragePlan />
        <details class="fold more" ref={more}>
          <summary>More settings</summary>
          {groups.map((group) => (
            <div key={group} class="setting-group">
              <h3>{group}</h3>
              {furtherKeys
                .filter((key) => fieldOf(key).group === group)
                .map((key) => (
                  <SettingField key={key} name={key} />
                ))}
            </div>
          ))}
        </details>
        <button
          type="button"
          class="button small-button"
          disabled={!settings.isEdited.value}
          onClick={settings.reset}
        >
          Reset to defaults
        </button>
      </fieldset>
    </StepPanel>
  );
}

/** What the numbers above come to for this dataset. */
function RunPlan() {
  const { setUp, forecast, settings } = useApp();
  const report = forecast.report.value;
  if (report === null) {
    const isAsked = setUp.model.report.value !== null && setUp.dataset.report.value !== null;
    return (
      <p class="run-plan small muted">
        {isAsked ? 'Counting the steps …' : 'The number of steps follows from the model and the dataset.'}
      </p>
    );
  }
  const { totalSteps, stepsPerEpoch, unitsPerStep, isPacked, time } = report;
  const epochs = Number((totalSteps / stepsPerEpoch).toPrecision(2));
  return (
    <p class="run-plan small muted">
      {formatCountOf(unitsPerStep, isPacked ? 'pack' : 'row')} per step,{' '}
      {formatCountOf(stepsPerEpoch, 'step')} per epoch: <strong>{formatCountOf(totalSteps, 'step')}</strong>,
      about {epochs} {epochs === 1 ? 'epoch' : 'epochs'}. On this GPU{' '}
      <strong>about {roughTime(time.seconds)}</strong> by forecast, without sample traces and results.
      {settings.reasons.value.map(({ key, text }) => (
        <span key={key} class="reason">
          {' '}
          {text}
        </span>
      ))}
    </p>
  );
}

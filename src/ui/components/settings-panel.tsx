import { useEffect, useRef } from 'preact/hooks';
import { fieldOf, runConfigKeys, type Field, type RunConfigKey } from '../../config/run-config.ts';
import { useApp } from '../state/app-state.ts';
import { MemoryPlan } from './memory-plan.tsx';
import { PresetChoice } from './preset-choice.tsx';
import { SettingField } from './setting-field.tsx';
import { StepPanel } from './step-panel.tsx';

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
        {primaryKeys.map((key) => (
          <SettingField key={key} name={key} />
        ))}
        <RunPlan />
        <MemoryPlan />
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
  const { settings, setUp } = useApp();
  const rows = setUp.dataset.report.value?.examples ?? 0;
  const config = settings.config.value;
  const trainRows = rows - Math.round(rows * config.evalFraction);
  if (trainRows <= 0)
    return <p class="run-plan small muted">The number of steps follows from the dataset.</p>;

  const { packing } = config;
  const unitsPerStep = config.perDeviceTrainBatchSize * config.gradientAccumulationSteps;
  const packs = packing ? (setUp.dataset.report.value?.packing?.packs ?? 0) : 0;
  const units = packs > 0 ? Math.ceil(packs * (1 - config.evalFraction)) : trainRows;
  const stepsPerEpoch = Math.ceil(units / unitsPerStep);
  const steps = config.maxSteps > 0 ? config.maxSteps : Math.ceil(config.numTrainEpochs * stepsPerEpoch);
  const epochs = Number((steps / stepsPerEpoch).toPrecision(2));
  return (
    <p class="run-plan small muted">
      {unitsPerStep} {packs > 0 ? 'packs' : 'rows'} per step, {stepsPerEpoch} steps per epoch:{' '}
      <strong>{steps} steps</strong>, about {epochs} {epochs === 1 ? 'epoch' : 'epochs'}.
    </p>
  );
}

import { useSignal, useSignalEffect } from '@preact/signals';
import { formatCount } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import type { SampleSet } from '../state/run.ts';
import { Tick } from './tick.tsx';
import { partNames, TraceView } from './trace-view.tsx';

export function SampleTraces() {
  const { run, settings } = useApp();
  const sets = run.sampleSets.value;
  const chosen = useSignal<number | null>(null); // null: follow the newest
  const isMarking = useSignal(false);
  useSignalEffect(() => {
    if (run.sampleSets.value.length === 0) chosen.value = null; // a new run
  });
  const index = Math.min(chosen.value ?? sets.length - 1, sets.length - 1);
  const shown = sets[index];
  const before = sets.at(Math.max(index - 1, 0));
  const { samplePrompts, sampleSteps } = settings.config.value;
  // Longer and shorter traces come and go in the same room, which a run takes when it starts: nothing below them jumps.
  const isAwaited = samplePrompts.length > 0 && sampleSteps > 0 && run.isActive.value;
  const hasRoom = isAwaited || sets.length > 0;
  const room = hasRoom
    ? ({ class: 'samples-room', tabIndex: 0, role: 'group', 'aria-label': 'Traces of this step' } as const)
    : {};

  return (
    <section class="panel" aria-label="Sample traces">
      <div class="panel-head">
        <h2>Sample traces</h2>
        {sets.length > 0 && (
          <StepSelector
            sets={sets}
            index={index}
            onSelect={(next) => (chosen.value = next === sets.length - 1 ? null : next)}
          />
        )}
      </div>
      <PartLegend />
      <div {...room}>
        {shown === undefined ? (
          <p class="empty">
            {samplePrompts.length === 0 || sampleSteps === 0
              ? 'No traces will be taken: set “Sample every” and “Sample prompts” under More settings.'
              : `Every ${sampleSteps} steps the base model and the adapter answer ${samplePrompts.length} prompts; their traces stand here side by side.`}
          </p>
        ) : (
          <ol class="samples">
            {shown.samples.map((sample, i) => (
              <li key={i} class="sample">
                <p class="prompt">{sample.prompt}</p>
                <div class="pair">
                  <TraceView title="Base" trace={sample.base} />
                  <TraceView
                    title={`Adapter, step ${shown.step}`}
                    trace={sample.adapter}
                    before={isMarking.value ? before?.samples.at(i)?.adapter : undefined}
                  />
                </div>
              </li>
            ))}
          </ol>
        )}
      </div>
      {hasRoom && (
        <Tick
          label="Mark new words"
          words={
            before === undefined || before === shown
              ? 'of the adapter, against its traces before'
              : `of the adapter, against its traces of step ${formatCount(before.step)}`
          }
          isOn={isMarking.value}
          onChange={(isOn) => (isMarking.value = isOn)}
          isLocked={false}
        />
      )}
      <p class="small muted footnote">“Refused” is a string match on the answer, not a human verdict.</p>
    </section>
  );
}

export function PartLegend() {
  return (
    <ul class="legend part-legend">
      {Object.entries(partNames).map(([kind, { label, meaning }]) => (
        <li key={kind} data-kind={kind}>
          <span class="part-label">{label}</span> {meaning}
        </li>
      ))}
    </ul>
  );
}

interface StepSelectorProps {
  readonly sets: readonly SampleSet[];
  readonly index: number;
  readonly onSelect: (index: number) => void;
}

function StepSelector({ sets, index, onSelect }: StepSelectorProps) {
  const step = sets[index].step;
  return (
    <div class="step-selector">
      <button
        type="button"
        class="button quiet"
        aria-label="Earlier traces"
        disabled={index === 0}
        onClick={() => onSelect(index - 1)}
      >
        ‹
      </button>
      <input
        type="range"
        aria-label="Step of the traces"
        aria-valuetext={`step ${step}`}
        min={0}
        max={sets.length - 1}
        value={index}
        disabled={sets.length < 2}
        onInput={(event) => onSelect(Number(event.currentTarget.value))}
      />
      <button
        type="button"
        class="button quiet"
        aria-label="Later traces"
        disabled={index === sets.length - 1}
        onClick={() => onSelect(index + 1)}
      >
        ›
      </button>
      <span class="selected-step small">step {formatCount(step)}</span>
    </div>
  );
}

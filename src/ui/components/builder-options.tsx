import type { Signal } from '@preact/signals';
import type { ShapeId } from '../../api/builder-api.ts';
import { formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { BuilderTemplates } from './builder-templates.tsx';

const numberFields = [
  ['count', 'Rows', ''],
  ['harmfulShare', 'Harmful share', '0.9: 900 of 1,000, as in the paper'],
  ['seed', 'Seed', 'The same seed gives the same rows'],
] as const;

export function BuilderOptions() {
  const { builder, setUp, run } = useApp();
  const { form, shapes, progress, canCancel, sources } = builder;
  const isBusy = progress.value !== null;
  const edits = builder.editCount.value;
  const model = setUp.model.report.value;
  const canWrite = model !== null && !run.isActive.value;
  const about = shapes.value.find(({ id }) => id === form.shape.value)?.about;

  return (
    <form
      class="builder-options"
      aria-label="Options"
      onSubmit={(event) => {
        event.preventDefault();
        void builder.build(model?.maxPositions ?? 0);
      }}
    >
      <fieldset class="settings" disabled={isBusy}>
        <label class="setting-label" htmlFor="builder-shape">
          Shape
        </label>
        <select
          id="builder-shape"
          class="control wide"
          aria-describedby="builder-shape-about"
          value={form.shape.value}
          onChange={(event) => (form.shape.value = event.currentTarget.value as ShapeId)}
        >
          {shapes.value.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
        <p class="setting-help" id="builder-shape-about">
          {about}
        </p>
        {numberFields.map(([name, label, help]) => (
          <NumberSetting key={name} name={name} label={label} help={help} />
        ))}
        <Tick checked={form.onlyRefused} label="Leave out harmful rows that their file answers">
          By a string match on the file’s own answer. A third of STAR-1 is answered safely, not refused; to
          refuse those too teaches over-refusal.
        </Tick>
        <Tick
          checked={form.writeAssessments}
          label="The loaded model writes the assessments"
          disabled={!canWrite}
        >
          Where it gives none that fits the label, a template does.
        </Tick>
        <Tick checked={form.writeTraces} label="The loaded model writes missing traces" disabled={!canWrite}>
          For rows that are prompts only.
        </Tick>
        <BuilderTemplates />
      </fieldset>
      <div class="builder-go">
        <button
          type="submit"
          class="button primary"
          disabled={isBusy || sources.value.length === 0 || form.options.value === null}
        >
          {edits === 0 ? 'Build' : `Build again, dropping ${formatCountOf(edits, 'edit')}`}
        </button>
        {canCancel.value && (
          <button type="button" class="button" onClick={() => builder.cancel()}>
            Cancel
          </button>
        )}
      </div>
      <Progress />
    </form>
  );
}

function NumberSetting({
  name,
  label,
  help,
}: {
  name: (typeof numberFields)[number][0];
  label: string;
  help: string;
}) {
  const { form } = useApp().builder;
  const problem = form.problems.value[name];
  const id = `builder-${name}`;
  return (
    <div class="setting">
      <label class="setting-label" htmlFor={id}>
        {label}
      </label>
      <p class="setting-help" id={`${id}-help`}>
        {help}
      </p>
      <div class="setting-control">
        <input
          id={id}
          class="control number"
          inputMode="decimal"
          value={form.numbers[name].value}
          aria-invalid={problem !== undefined}
          aria-describedby={problem === undefined ? `${id}-help` : `${id}-problem ${id}-help`}
          onInput={(event) => form.edit(name, event.currentTarget.value)}
        />
      </div>
      {problem !== undefined && (
        <p class="setting-problem" id={`${id}-problem`}>
          {label} {problem}.
        </p>
      )}
    </div>
  );
}

interface TickProps {
  readonly checked: Signal<boolean>;
  readonly label: string;
  readonly disabled?: boolean;
  readonly children: string;
}

function Tick({ checked, label, disabled = false, children }: TickProps) {
  return (
    <label class="builder-tick">
      <input
        type="checkbox"
        checked={checked.value}
        disabled={disabled}
        onChange={(event) => (checked.value = event.currentTarget.checked)}
      />
      <span>
        <span class="setting-label">{label}</span>
        <span class="setting-help">{children}</span>
      </span>
    </label>
  );
}

function Progress() {
  const progress = useApp().builder.progress.value;
  if (progress === null) return <div class="loading-line" />;
  const share = progress.total > 0 ? progress.done / progress.total : null;
  return (
    <div class="loading-line">
      <div
        class="bar thin"
        role="progressbar"
        aria-label={progress.note}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === null ? undefined : Math.round(100 * share)}
      >
        <div class="bar-fill" data-unknown={share === null} style={{ width: `${100 * (share ?? 0.3)}%` }} />
      </div>
      <p class="small muted">
        {progress.note}
        {progress.total > 0 && ` · ${progress.done} of ${progress.total}`}
      </p>
    </div>
  );
}

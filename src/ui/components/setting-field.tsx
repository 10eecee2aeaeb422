import type { JSX } from 'preact';
import { affects } from '../../config/effects.ts';
import { fieldOf, type ListField, type RunConfigKey } from '../../config/run-config.ts';
import { useApp } from '../state/app-state.ts';
import { isLines, type Draft } from '../state/settings.ts';

interface ControlProps {
  readonly id: string;
  readonly draft: Draft;
  readonly describedBy: string;
  readonly isInvalid: boolean;
  readonly onEdit: (draft: Draft) => void;
}

/** Label, help and control of one row of the configuration table. */
export function SettingField({ name }: { name: RunConfigKey }) {
  const { settings, setUp } = useApp();
  const field = fieldOf(name);
  const problem = settings.problems.value.get(name);
  const id = `setting-${field.file}`;
  const control: ControlProps = {
    id,
    draft: settings.drafts.value[name],
    describedBy: problem === undefined ? `${id}-help` : `${id}-problem ${id}-help`,
    isInvalid: problem !== undefined,
    onEdit: (draft) => settings.edit(name, draft),
  };
  // The dataset depends on some settings: read it again when the user leaves the field, not at every key.
  const onCommit = affects(name, 'tokens') ? () => void setUp.refreshDataset() : undefined;

  return (
    <div class="setting" data-type={field.type} onChange={onCommit}>
      {field.type === 'list' && field.allowed !== null ? (
        <span class="setting-label" id={`${id}-label`}>
          {field.label}
        </span>
      ) : (
        <label class="setting-label" htmlFor={id}>
          {field.label}
        </label>
      )}
      <p class="setting-help" id={`${id}-help`}>
        {field.help} <code>{field.file}</code>
      </p>
      <div class="setting-control">{controlFor(name, control)}</div>
      {problem !== undefined && (
        <p class="setting-problem" id={`${id}-problem`}>
          {field.label} {problem}.
        </p>
      )}
    </div>
  );
}

function controlFor(name: RunConfigKey, props: ControlProps): JSX.Element {
  const field = fieldOf(name);
  switch (field.type) {
    case 'number':
    case 'integer':
      return <NumberControl {...props} isWhole={field.type === 'integer'} />;
    case 'boolean':
      return <BooleanControl {...props} />;
    case 'choice':
      return <ChoiceControl {...props} choices={field.choices} />;
    case 'text':
      return <LinesControl {...props} />;
    case 'list':
      return field.allowed === null ? <LinesControl {...props} /> : <TicksControl {...props} field={field} />;
    default:
      return field satisfies never;
  }
}

/** A text field, because a number field hides what was typed wrongly, and "1e-3" from some of them. */
function NumberControl({
  id,
  draft,
  describedBy,
  isInvalid,
  onEdit,
  isWhole,
}: ControlProps & { isWhole: boolean }) {
  return (
    <input
      id={id}
      class="control number"
      type="text"
      inputMode={isWhole ? 'numeric' : 'decimal'}
      autoComplete="off"
      spellcheck={false}
      value={String(draft)}
      aria-describedby={describedBy}
      aria-invalid={isInvalid}
      onInput={(event) => onEdit(event.currentTarget.value)}
    />
  );
}

function BooleanControl({ id, draft, describedBy, onEdit }: ControlProps) {
  return (
    <input
      id={id}
      type="checkbox"
      checked={draft === true}
      aria-describedby={describedBy}
      onChange={(event) => onEdit(event.currentTarget.checked)}
    />
  );
}

function ChoiceControl({
  id,
  draft,
  describedBy,
  onEdit,
  choices,
}: ControlProps & { choices: readonly string[] }) {
  return (
    <select
      id={id}
      class="control"
      value={String(draft)}
      aria-describedby={describedBy}
      onChange={(event) => onEdit(event.currentTarget.value)}
    >
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice.replaceAll('_', ' ')}
        </option>
      ))}
    </select>
  );
}

/** Lines of a list, or one text. */
function LinesControl({ id, draft, describedBy, isInvalid, onEdit }: ControlProps) {
  const isList = isLines(draft);
  return (
    <textarea
      id={id}
      class="control wide"
      rows={isList ? 5 : 2}
      value={isList ? draft.join('\n') : String(draft)}
      aria-describedby={describedBy}
      aria-invalid={isInvalid}
      onInput={(event) => {
        const { value } = event.currentTarget;
        onEdit(isList ? value.split('\n') : value);
      }}
    />
  );
}

function TicksControl({ id, draft, describedBy, onEdit, field }: ControlProps & { field: ListField }) {
  const ticked = isLines(draft) ? draft : [];
  return (
    <div class="ticks" role="group" aria-labelledby={`${id}-label`} aria-describedby={describedBy}>
      {field.allowed?.map((item) => (
        <label key={item}>
          <input
            type="checkbox"
            checked={ticked.includes(item)}
            onChange={(event) => {
              const { checked } = event.currentTarget;
              onEdit(field.allowed!.filter((other) => (other === item ? checked : ticked.includes(other))));
            }}
          />
          {item}
        </label>
      ))}
    </div>
  );
}

import type { Templates } from '../../api/builder-api.ts';
import { useApp } from '../state/app-state.ts';

type TextName = { [K in keyof Templates]: Templates[K] extends string ? K : never }[keyof Templates];
type ListName = {
  [K in keyof Templates]: Templates[K] extends readonly string[] ? K : never;
}[keyof Templates];

const lists: readonly (readonly [ListName, string])[] = [
  ['assessHarmful', 'HA, harmful: one per line'],
  ['assessBenign', 'HA, benign: one per line'],
  ['stopRephrased', 'CR rephrased: one per line'],
  ['refusals', 'Refusal, the answer: one per line'],
];
const texts: readonly (readonly [TextName, string])[] = [
  ['reasonOther', '{reason} for other categories'],
  ['stop', 'CR of a refusal'],
  ['understanding', 'PU where a trace begins without one'],
  ['directThought', 'DirectRefusal’s thought'],
  ['primer', 'SafePath’s primer'],
  ['pivotSafe', 'R2D, after a step that shows no harm'],
  ['pivotUnsafe', 'R2D, after a step that names harm or refuses'],
  ['pivotRethink', 'R2D, after a step that hesitates'],
  ['askModel', 'What the model is asked for an assessment'],
];

/** Every text the builder writes, to be edited. */
export function BuilderTemplates() {
  const { form } = useApp().builder;
  const templates = form.templates.value;
  if (templates === null) return null;
  return (
    <details class="fold">
      <summary>Templates</summary>
      <p class="setting-help">
        {'{reason}'} is the category’s, {'{category}'} its name, {'{question}'} what is asked.
      </p>
      {lists.map(([name, label]) => (
        <Text
          key={name}
          label={label}
          value={templates[name].join('\n')}
          onEdit={(text) => form.editTemplate(name, text.split('\n'))}
          onLeave={() => form.editTemplate(name, withoutBlanks(templates[name]))}
        />
      ))}
      {texts.map(([name, label]) => (
        <Text
          key={name}
          label={label}
          value={templates[name]}
          onEdit={(text) => form.editTemplate(name, text)}
        />
      ))}
      {Object.entries(templates.reasons).map(([category, reason]) => (
        <Text
          key={category}
          label={`{reason}: ${category}`}
          value={reason}
          onEdit={(text) => form.editTemplate('reasons', { ...templates.reasons, [category]: text })}
        />
      ))}
      {form.areTemplatesEdited.value && (
        <button type="button" class="button small-button" onClick={() => form.resetTemplates()}>
          Reset the templates
        </button>
      )}
    </details>
  );
}

/** A blank line at the end is only a line that was begun; a list that is blank altogether says "no answer". */
function withoutBlanks(lines: readonly string[]): readonly string[] {
  const kept = lines.filter((line) => line.trim() !== '');
  return kept.length > 0 ? kept : [''];
}

interface TextProps {
  readonly label: string;
  readonly value: string;
  readonly onEdit: (text: string) => void;
  readonly onLeave?: () => void;
}

function Text({ label, value, onEdit, onLeave }: TextProps) {
  return (
    <label class="builder-text">
      <span class="setting-label">{label}</span>
      <textarea
        class="control"
        rows={Math.min(6, Math.max(2, value.split('\n').length))}
        value={value}
        onInput={(event) => onEdit(event.currentTarget.value)}
        onBlur={onLeave}
      />
    </label>
  );
}

/** For a file whose columns have other names: which is the prompt, which the completion, with its first rows beside. */
import { useEffect, useState } from 'preact/hooks';
import type { ColumnPreview, DatasetSource } from '../../api/trainer-api.ts';
import { useApp } from '../state/app-state.ts';
import { useColumnPreview } from './use-column-preview.ts';

const targets = [
  ['prompt', 'Prompt'],
  ['completion', 'Completion'],
  ['system', 'System prompt (optional)'],
  ['messages', 'or: messages'],
  ['text', 'or: plain text'],
] as const;
type Target = (typeof targets)[number][0];
type Choice = Readonly<Partial<Record<Target, string>>>;

export function ColumnMapping() {
  const { setUp } = useApp();
  const refused = setUp.refusedSource.value;
  const current = setUp.datasetSource.value;
  const source: DatasetSource | null = refused ?? (current.kind === 'builtin' ? null : current);
  const preview = useColumnPreview(source);
  const [isOpen, setIsOpen] = useState(false);
  useEffect(() => setIsOpen(refused !== null), [refused]);
  if (source === null || preview === null) return null;
  return (
    <details
      class="fold columns-fold"
      open={isOpen}
      onToggle={(event) => setIsOpen(event.currentTarget.open)}
    >
      <summary>Map the columns of this file</summary>
      {isOpen && <MappingForm key={preview.columns.join('\n')} preview={preview} source={source} />}
    </details>
  );
}

function MappingForm({ preview, source }: { preview: ColumnPreview; source: DatasetSource }) {
  const { settings, mapColumns } = useApp();
  const [choice, setChoice] = useState<Choice>(() =>
    Object.fromEntries(
      settings.config.value.columns.map((entry) => {
        const at = entry.indexOf('=');
        return [entry.slice(0, at).trim(), entry.slice(at + 1).trim()] as const;
      }),
    ),
  );
  const has = (target: Target): boolean => (choice[target] ?? '') !== '';
  const isComplete = (has('prompt') && has('completion')) || has('messages') || has('text');
  const entries = targets.flatMap(([target]) => (has(target) ? [`${target}=${choice[target]}`] : []));
  return (
    <form
      class="mapping"
      onSubmit={(event) => {
        event.preventDefault();
        if (isComplete) void mapColumns(source, entries);
      }}
    >
      <div class="mapping-choices">
        {targets.map(([target, label]) => (
          <div key={target}>
            <label class="small" htmlFor={`column-${target}`}>
              {label}
            </label>
            <select
              id={`column-${target}`}
              class="control"
              value={choice[target] ?? ''}
              onChange={(event) => setChoice({ ...choice, [target]: event.currentTarget.value })}
            >
              <option value="">none</option>
              {preview.columns.map((column) => (
                <option key={column} value={column}>
                  {column}
                </option>
              ))}
            </select>
          </div>
        ))}
      </div>
      <div class="scroll-box" tabIndex={0} role="group" aria-label="First rows of the file">
        <table class="columns-table">
          <thead>
            <tr>
              {preview.columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {preview.rows.map(({ line, cells }) => (
              <tr key={line}>
                {cells.map((cell, i) => (
                  <td key={i}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <button type="submit" class="button small-button" disabled={!isComplete}>
        Read with these columns
      </button>
    </form>
  );
}

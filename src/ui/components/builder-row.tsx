import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { BuiltRow } from '../../api/builder-api.ts';
import { useApp } from '../state/app-state.ts';
import { PartList, VerdictView } from './trace-view.tsx';

/** One row of the dataset, part by part; "Edit" shows it as the text that is trained. */
export function BuilderRow({ row }: { row: BuiltRow }) {
  const isEditing = useSignal(false);
  const editButton = useRef<HTMLButtonElement>(null);
  const wasEditing = useRef(false);
  useEffect(() => {
    if (wasEditing.current && !isEditing.value) editButton.current?.focus();
    wasEditing.current = isEditing.value;
  });
  return (
    <li class="builder-row">
      <div class="trace-head">
        <span class="badge">{row.label}</span>
        {row.category !== '' && <span class="small">{row.category}</span>}
        <span class="line-number">
          {row.file}, line {row.line}
        </span>
        {row.understandingFrom === 'template' && <span class="badge">PU by template</span>}
        {row.assessmentFrom === 'model' && <span class="badge">HA by the model</span>}
        {row.isAnsweredInFile && <span class="badge">answered in its file</span>}
        {!isEditing.value && (
          <button
            type="button"
            class="button quiet small-button"
            ref={editButton}
            aria-label={`Edit line ${row.line} of ${row.file}`}
            onClick={() => (isEditing.value = true)}
          >
            Edit
          </button>
        )}
      </div>
      {isEditing.value ? (
        <Editor row={row} onEnd={() => (isEditing.value = false)} />
      ) : (
        <>
          <p class="prompt">{row.instruction}</p>
          <PartList parts={row.parts} />
          <VerdictView verdict={row.verdict} />
        </>
      )}
    </li>
  );
}

function Editor({ row, onEnd }: { row: BuiltRow; onEnd: () => void }) {
  const { builder } = useApp();
  const instruction = useSignal(row.instruction);
  const response = useSignal(row.response);
  const first = useRef<HTMLTextAreaElement>(null);
  useEffect(() => first.current?.focus(), []);
  const isEmpty = instruction.value.trim() === '' || response.value.trim() === '';
  const save = async (): Promise<void> => {
    await builder.editRow(row.key, instruction.value, response.value);
    onEnd();
  };
  return (
    <form
      class="builder-editor"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault(); // ends the edit, not the dialog
        event.stopPropagation();
        onEnd();
      }}
    >
      <label class="builder-text">
        <span class="setting-label">Question</span>
        <textarea
          class="control"
          rows={2}
          ref={first}
          value={instruction.value}
          onInput={(event) => (instruction.value = event.currentTarget.value)}
        />
      </label>
      <label class="builder-text">
        <span class="setting-label">Response</span>
        <textarea
          class="control"
          rows={8}
          value={response.value}
          onInput={(event) => (response.value = event.currentTarget.value)}
        />
      </label>
      {isEmpty && <p class="setting-problem">A row needs a question and a response.</p>}
      <div class="builder-actions">
        <button type="submit" class="button small-button" disabled={isEmpty}>
          Save
        </button>
        <button type="button" class="button small-button" onClick={onEnd}>
          Cancel edit
        </button>
      </div>
    </form>
  );
}

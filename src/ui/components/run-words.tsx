import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { StoredRun } from '../../api/stored-runs.ts';
import { untitled } from '../../support/run-name.ts';
import { useApp } from '../state/app-state.ts';

const mostTitle = 200;
const mostNotes = 10_000;

/** A run's title and notes. */
export function RunWords({ run: stored, onClose }: { run: StoredRun; onClose: () => void }) {
  const { storedRuns } = useApp();
  const [title, setTitle] = useState(stored.title);
  const [notes, setNotes] = useState(stored.notes);
  const id = useId();
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <form
      class="run-form"
      onSubmit={(event) => {
        event.preventDefault();
        onClose();
        void storedRuns.describe(stored, { title: title.trim(), notes: notes.trim() });
      }}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <label for={`${id}-title`}>Title</label>
      <input
        id={`${id}-title`}
        ref={first}
        class="control wide"
        type="text"
        autoComplete="off"
        maxLength={mostTitle}
        placeholder={untitled(stored)}
        value={title}
        onInput={(event) => setTitle(event.currentTarget.value)}
      />
      <label for={`${id}-notes`}>Notes</label>
      <textarea
        id={`${id}-notes`}
        class="control wide"
        rows={3}
        maxLength={mostNotes}
        value={notes}
        onInput={(event) => setNotes(event.currentTarget.value)}
      />
      <div class="run-actions">
        <button type="submit" class="button primary small-button">
          Save
        </button>
        <button type="button" class="button quiet small-button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </form>
  );
}

interface FileChooserProps {
  readonly label: string; // for screen readers and scripts
  readonly words: string; // that are seen
  /** Endings of files; null: a folder is chosen. */
  readonly accept: string | null;
  readonly isLocked: boolean;
  readonly onChoose: (files: File[]) => void;
}

/** Words of a sentence that open the browser's choice of files, or of a folder. */
export function FileChooser({ label, words, accept, isLocked, onChoose }: FileChooserProps) {
  return (
    <label class="link">
      <input
        type="file"
        class="visually-hidden"
        aria-label={label}
        multiple
        disabled={isLocked}
        {...(accept === null ? { webkitdirectory: true } : { accept })}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = ''; // the same files may be chosen again
          if (files.length > 0) onChoose(files);
        }}
      />
      {words}
    </label>
  );
}

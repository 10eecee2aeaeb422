import { useId } from 'preact/hooks';

interface SelectFieldProps {
  readonly label: string;
  readonly value: string;
  /** Value and words. */
  readonly options: readonly (readonly [string, string])[];
  readonly onSelect: (value: string) => void;
  readonly isLocked?: boolean;
}

/** A labelled choice of one of several. */
export function SelectField({ label, value, options, onSelect, isLocked = false }: SelectFieldProps) {
  const id = useId();
  return (
    <div class="select-field">
      <label class="small" for={id}>
        {label}
      </label>
      <select
        id={id}
        class="control"
        disabled={isLocked}
        value={value}
        onChange={(event) => onSelect(event.currentTarget.value)}
      >
        {options.map(([each, words]) => (
          <option key={each} value={each}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

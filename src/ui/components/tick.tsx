interface TickProps {
  readonly label: string;
  readonly words: string; // what it does
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
  readonly isLocked: boolean;
}

/** A choice of yes or no, with what it does in smaller words behind it. */
export function Tick({ label, words, isOn, onChange, isLocked }: TickProps) {
  return (
    <label class="builder-tick">
      <input
        type="checkbox"
        checked={isOn}
        disabled={isLocked}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>
        {label} <span class="small muted">{words}</span>
      </span>
    </label>
  );
}

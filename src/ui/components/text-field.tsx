import { useId } from 'preact/hooks';

interface TextFieldProps {
  readonly label: string;
  readonly signal: { value: string };
  readonly placeholder: string;
  readonly isLocked: boolean;
  readonly isSecret?: boolean;
}

/** One line of text, e.g. a name on the hub: nothing corrects or remembers it. */
export function TextField({ label, signal, placeholder, isLocked, isSecret = false }: TextFieldProps) {
  const id = useId();
  return (
    <div class="hub-field">
      <label class="small muted" for={id}>
        {label}
      </label>
      <input
        id={id}
        class="control wide"
        type={isSecret ? 'password' : 'text'}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder={placeholder}
        disabled={isLocked}
        value={signal.value}
        onInput={(event) => (signal.value = event.currentTarget.value)}
      />
    </div>
  );
}

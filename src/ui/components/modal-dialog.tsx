import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface ModalDialogProps extends Pick<
  JSX.HTMLAttributes<HTMLDialogElement>,
  'onDragEnter' | 'onDragLeave' | 'onDragOver' | 'onDrop'
> {
  readonly title: string;
  readonly class: string;
  readonly onClose: () => void;
  /** Given what closes it. */
  readonly children: (close: () => void) => ComponentChildren;
}

/** The browser keeps the focus in it, Escape closes it, and the focus goes back to its button. */
export function ModalDialog({ title, onClose, children, ...rest }: ModalDialogProps) {
  const id = useId();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    element.current?.showModal();
  }, []);
  const close = (): void => element.current?.close();
  return (
    <dialog aria-labelledby={id} ref={element} onClose={onClose} {...rest}>
      <header class="builder-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="button quiet" aria-label="Close" onClick={close}>
          ✕
        </button>
      </header>
      {children(close)}
    </dialog>
  );
}

import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../state/app-state.ts';
import { BuilderFailure } from './builder-failure.tsx';
import { BuilderOptions } from './builder-options.tsx';
import { BuilderResult } from './builder-result.tsx';
import { BuilderSource } from './builder-source.tsx';

/** A modal dialog: the browser keeps the focus in it, Escape closes it, and the focus goes back to its button. */
export function BuilderDialog() {
  const { builder } = useApp();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    element.current?.showModal();
  }, []);
  // The page takes every dropped file for a dataset; in here the two drop zones take them.
  const keep = (event: DragEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <dialog
      class="builder"
      aria-labelledby="builder-title"
      ref={element}
      onClose={() => (builder.isOpen.value = false)}
      onDragEnter={keep}
      onDragLeave={keep}
      onDragOver={keep}
      onDrop={keep}
    >
      <header class="builder-head">
        <h2 id="builder-title">Make AltTrain data</h2>
        <button
          type="button"
          class="button quiet"
          aria-label="Close"
          onClick={() => element.current?.close()}
        >
          ✕
        </button>
      </header>
      <div class="builder-columns">
        <div class="builder-set-up">
          <BuilderSource role="harmful" />
          <BuilderSource role="benign" />
          <BuilderOptions />
        </div>
        <div class="builder-result">
          <BuilderFailure />
          <BuilderResult onDone={() => element.current?.close()} />
        </div>
      </div>
    </dialog>
  );
}

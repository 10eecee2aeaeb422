import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../state/app-state.ts';
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
  // The page takes every dropped file for a data set; in here the two drop zones take them.
  const keep = (event: DragEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };
  const { failure } = builder;

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
          {failure.value !== null && (
            <div class="alert" role="alert" data-code={failure.value.code}>
              <div class="alert-head">
                <code class="alert-code">{failure.value.code}</code>
                <button
                  type="button"
                  class="button quiet"
                  aria-label="Dismiss this message"
                  onClick={() => (failure.value = null)}
                >
                  ✕
                </button>
              </div>
              <p class="alert-message">{failure.value.message}</p>
              {failure.value.detail !== null && (
                <details>
                  <summary>Detail</summary>
                  <pre>{failure.value.detail}</pre>
                </details>
              )}
            </div>
          )}
          <BuilderResult onDone={() => element.current?.close()} />
        </div>
      </div>
    </dialog>
  );
}

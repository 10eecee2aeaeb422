import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../state/app-state.ts';

/** What went wrong in the builder, brought into view: the button that was pressed may be far from it. */
export function BuilderFailure() {
  const { failure } = useApp().builder;
  const shown = failure.value;
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (shown !== null) element.current?.scrollIntoView({ block: 'nearest' });
  }, [shown]);
  if (shown === null) return null;
  return (
    <div class="alert" role="alert" data-code={shown.code} ref={element}>
      <div class="alert-head">
        <code class="alert-code">{shown.code}</code>
        <button
          type="button"
          class="button quiet"
          aria-label="Dismiss this message"
          onClick={() => (failure.value = null)}
        >
          ✕
        </button>
      </div>
      <p class="alert-message">{shown.message}</p>
      {shown.detail !== null && (
        <details>
          <summary>Detail</summary>
          <pre>{shown.detail}</pre>
        </details>
      )}
    </div>
  );
}

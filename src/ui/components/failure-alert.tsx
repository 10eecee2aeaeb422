import { useEffect, useRef } from 'preact/hooks';
import { adviceIn, type FailureScope } from '../state/failures.ts';
import { useApp } from '../state/app-state.ts';

interface FailureAlertProps {
  readonly scope: FailureScope;
  readonly retry?: () => void;
}

/** Stands where the failed part is, and comes into view there. */
export function FailureAlert({ scope, retry }: FailureAlertProps) {
  const { failures } = useApp();
  const failure = failures.of(scope).value;
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (failure !== null) element.current?.scrollIntoView({ block: 'nearest' });
  }, [failure]);
  if (failure === null) return null;
  const advice = adviceIn(scope, failure.code);

  return (
    <div class="alert" role="alert" data-code={failure.code} ref={element}>
      <div class="alert-head">
        <p class="alert-message">{failure.message}</p>
        <button
          type="button"
          class="button quiet"
          aria-label="Dismiss this message"
          onClick={() => failures.clear(scope)}
          hidden={scope === 'device'}
        >
          ✕
        </button>
      </div>
      {advice !== null && <p class="alert-advice">{advice}</p>}
      {failure.detail !== null && (
        <details>
          <summary>Detail</summary>
          <pre>{failure.detail}</pre>
        </details>
      )}
      <code class="alert-code">{failure.code}</code>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { LoadProgress } from '../../api/trainer-api.ts';
import { formatBytes, formatDuration } from '../format.ts';

interface StepPanelProps {
  readonly number: number;
  readonly title: string;
  readonly isReady: boolean;
  /** Makes the panel a named region. */
  readonly region?: string;
  readonly class?: string;
  readonly children: ComponentChildren;
  /** Folded away, behind a button, once the step needs nothing any more, unless the user wants it otherwise. */
  readonly fold?: Fold;
}

interface Fold {
  readonly isDone: boolean;
  /** What there is, in a few words; empty: nothing yet. */
  readonly line: string;
  readonly details: ComponentChildren;
}

/** One of the set-up steps: numbered until it is ready. */
export function StepPanel({
  number,
  title,
  isReady,
  region,
  class: extra = '',
  children,
  fold,
}: StepPanelProps) {
  const isOpened = useSignal<boolean | null>(null); // null: the user has not said
  const id = useId();
  const isFolded = fold !== undefined && !(isOpened.value ?? !fold.isDone);
  return (
    <section class={`panel ${extra}`} aria-label={region} data-folded={isFolded}>
      <div class="step-head">
        <h2 class="step-title">
          <span class="step-number" data-ready={isReady} aria-hidden="true">
            {isReady ? '✓' : number}
          </span>
          {title}
        </h2>
        {isFolded && <span class="step-line small muted">{fold.line}</span>}
        {fold !== undefined && (
          <button
            type="button"
            class="button quiet small-button"
            aria-label={`${isFolded ? 'Details' : 'Fold'}: ${title}`}
            aria-expanded={!isFolded}
            aria-controls={id}
            onClick={() => (isOpened.value = isFolded)}
          >
            {isFolded ? 'Details' : 'Fold'}
          </button>
        )}
      </div>
      {children}
      {fold !== undefined && (
        <div id={id} hidden={isFolded}>
          {fold.details}
        </div>
      )}
    </section>
  );
}

interface LoadingLineProps {
  readonly progress: LoadProgress | null;
  readonly label: string;
  /** Where it can be ended. */
  readonly cancel?: () => void;
}

/** Always takes its line, so that nothing moves when loading begins or ends. */
export function LoadingLine({ progress, label, cancel }: LoadingLineProps) {
  if (progress === null) return <div class="loading-line" />;
  const share = progress.total > 0 ? progress.done / progress.total : null;
  const amount = share === null ? '' : `${formatBytes(progress.done)} of ${formatBytes(progress.total)}`;
  return (
    <div class="loading-line">
      <div
        class="bar thin"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === null ? undefined : Math.round(100 * share)}
      >
        <div class="bar-fill" data-unknown={share === null} style={{ width: `${100 * (share ?? 0.3)}%` }} />
      </div>
      <div class="loading-head">
        <p class="small muted">
          {[progress.note || label, amount, ...pace(progress)].filter((part) => part !== '').join(' · ')}
        </p>
        {cancel !== undefined && (
          <button type="button" class="button quiet small-button" onClick={cancel}>
            Cancel
          </button>
        )}
      </div>
    </div>
  );
}

/** "5.10 MiB/s", "2:51 left" for a download. */
function pace({ bytesPerSecond, secondsLeft }: LoadProgress): string[] {
  if (bytesPerSecond === undefined || bytesPerSecond === 0) return [];
  const left =
    secondsLeft === undefined || secondsLeft === null ? [] : [`${formatDuration(1000 * secondsLeft)} left`];
  return [`${formatBytes(bytesPerSecond)}/s`, ...left];
}

interface GoBackProps {
  readonly what: string;
  readonly isLocked: boolean;
  readonly onGoBack: () => void;
}

/** Something was chosen and is not in use: what was in use before is a click away, and never used unasked. */
export function GoBack({ what, isLocked, onGoBack }: GoBackProps) {
  return (
    <div class="go-back">
      <p class="small">Nothing is trained until this is loaded, or you go back.</p>
      <button type="button" class="button small-button" disabled={isLocked} onClick={onGoBack}>
        Go back to {what}
      </button>
    </div>
  );
}

/** Label and value pairs. */
export function Facts({ facts }: { facts: readonly (readonly [label: string, value: string])[] }) {
  return (
    <dl class="facts">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

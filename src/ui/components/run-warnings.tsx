import type { RunWarningCode } from '../../api/trainer-api.ts';
import { formatCount, formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';

const titles: Readonly<Record<RunWarningCode, (count: number) => string>> = {
  'step-skipped': (count) => `${formatCountOf(count, 'step')} skipped`,
  'loss-diverging': () => 'The run is diverging',
  'settings-changed': () => 'Goes on with other settings',
  'not-kept': () => 'Not kept',
  'kept-again': () => 'Kept again',
};

/** What a run that goes on was warned of, one note of each kind. */
export function RunWarnings() {
  const { run } = useApp();
  return (
    <div aria-live="polite" class="run-warnings">
      {run.warnings.value.map(({ code, step, message, count }) => (
        <p key={code} class="warning-note" data-warning={code}>
          <strong>{titles[code](count)}</strong>, {count > 1 ? 'the last at' : 'at'} step {formatCount(step)}.{' '}
          {message}
        </p>
      ))}
    </div>
  );
}

import { useSignal } from '@preact/signals';
import type { LeakageReport } from '../../api/evaluations.ts';
import { formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';

/** Whether the open dataset holds what the chosen suites ask: such a figure says what was learned by heart. */
export function LeakageCheck({ isLocked }: { readonly isLocked: boolean }) {
  const { client, failures, settings, setUp, suiteFiles } = useApp();
  const report = useSignal<LeakageReport | null>(null);
  const isLooking = useSignal(false);
  const dataset = setUp.dataset.report.value;
  const files = suiteFiles.chosen.value;
  if (dataset === null || files.length === 0) return null;
  const look = async (): Promise<void> => {
    failures.clear('evaluation');
    report.value = null;
    isLooking.value = true;
    try {
      const { columns } = settings.config.value;
      report.value = await client.checkLeakage(files, setUp.datasetSource.value, columns);
    } catch (error) {
      failures.report('evaluation', error);
    } finally {
      isLooking.value = false;
    }
  };
  return (
    <div class="leakage">
      <button
        type="button"
        class="button quiet small-button"
        disabled={isLocked || isLooking.value}
        onClick={() => void look()}
      >
        {isLooking.value ? 'Looking …' : `Look for these prompts in ${dataset.name}`}
      </button>
      {report.value !== null && (
        <div
          class={`small ${report.value.hasLeaks ? 'suite-failure' : 'muted'}`}
          aria-live="polite"
          data-part="leaks"
        >
          {report.value.lines.slice(0, shownLines).map((line) => (
            <p key={line}>{line.trim()}</p>
          ))}
          {report.value.lines.length > shownLines && (
            <p>and {formatCountOf(report.value.lines.length - shownLines, 'line')} more</p>
          )}
        </div>
      )}
    </div>
  );
}

const shownLines = 12;

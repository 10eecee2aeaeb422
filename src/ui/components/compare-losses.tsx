import { useEffect, useRef } from 'preact/hooks';
import type { StoredRunContent } from '../../api/stored-runs.ts';
import { letterOf, overlaidLosses } from '../compare-words.ts';
import { createComparePlot } from '../compare-plot.ts';
import { formatCount, formatLoss } from '../format.ts';
import { RunMark } from './compare-dialog.tsx';

/** The smoothed losses of all runs over their steps, in one chart; and in words. */
export function CompareLosses({ runs }: { runs: readonly StoredRunContent[] }) {
  const host = useRef<HTMLDivElement>(null);
  const data = overlaidLosses(runs.map(({ records }) => records));
  useEffect(() => {
    const element = host.current!;
    const plot = createComparePlot(element, data);
    const sizes = new ResizeObserver(() => plot.resize(element.clientWidth));
    sizes.observe(element);
    const darkness = matchMedia('(prefers-color-scheme: dark)');
    darkness.addEventListener('change', plot.restyle);
    return () => {
      sizes.disconnect();
      darkness.removeEventListener('change', plot.restyle);
      plot.destroy();
    };
  }, [runs]);
  const words = data.losses.map((losses, i) => {
    const last = losses.findLastIndex((loss) => loss !== null);
    if (last < 0) return `${letterOf(i)} has no step.`;
    return `${letterOf(i)} ends at ${formatLoss(losses[last] ?? 0)}, step ${formatCount(data.steps[last])}.`;
  });
  return (
    <>
      <ul class="legend">
        {runs.map(({ run }, i) => (
          <li key={run.id}>
            <RunMark i={i} /> {run.title || run.dataset.name}
          </li>
        ))}
      </ul>
      <div
        class="compare-chart"
        ref={host}
        role="img"
        aria-label="Smoothed loss of each run over its steps"
      />
      <p class="small muted">Smoothed. {words.join(' ')}</p>
    </>
  );
}

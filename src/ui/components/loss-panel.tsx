import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { formatCount, formatLoss, formatRate } from '../format.ts';
import { createLossPlot, type LossPlot } from '../loss-plot.ts';
import { useApp } from '../state/app-state.ts';
import type { LossColumns } from '../state/loss-history.ts';

const REDRAW_MS = 250; // a canvas redraw costs milliseconds; nobody reads a curve four times a second

export function LossPanel() {
  const { run } = useApp();
  const hovered = useSignal<number | null>(null);
  const columns = run.history.columns.value;
  const isEmpty = columns.step.length === 0;
  return (
    <section class="panel" aria-label="Loss">
      <div class="panel-head">
        <h2>Loss</h2>
        <ul class="legend chart-legend">
          <li data-series="raw">each step</li>
          <li data-series="smoothed">smoothed</li>
          <li data-series="evaluation">held-out rows</li>
          <li data-series="rate">learning rate</li>
        </ul>
      </div>
      <div class="chart">
        <Plot onHover={(index) => (hovered.value = index)} />
        {isEmpty && <p class="chart-empty muted">The curve appears with the first step.</p>}
      </div>
      <p class="chart-readout" id="loss-summary">
        {summary(columns, hovered.value)}
      </p>
    </section>
  );
}

function Plot({ onHover }: { onHover: (index: number | null) => void }) {
  const { run } = useApp();
  const host = useRef<HTMLDivElement>(null);
  const redraw = useRef<() => void>(() => undefined);

  useEffect(() => {
    const element = host.current!;
    const plot = createLossPlot(element, onHover);
    redraw.current = createRedraw(() => draw(plot));
    const draw = (target: LossPlot): void => {
      target.draw(run.history.columns.peek(), run.latest.peek()?.totalSteps ?? 0);
    };
    const sizes = new ResizeObserver(() => plot.resize(element.clientWidth));
    sizes.observe(element);
    const darkness = matchMedia('(prefers-color-scheme: dark)');
    darkness.addEventListener('change', plot.restyle);
    redraw.current();
    return () => {
      sizes.disconnect();
      darkness.removeEventListener('change', plot.restyle);
      plot.destroy();
    };
  }, []);

  useSignalEffect(() => {
    if (run.history.columns.value) redraw.current();
  });

  return (
    <div
      class="plot"
      ref={host}
      role="img"
      aria-label="Loss over the steps"
      aria-describedby="loss-summary"
    />
  );
}

/** At most one drawing per REDRAW_MS, in an animation frame. */
function createRedraw(draw: () => void): () => void {
  let isWaiting = false;
  let drawnAt = -Infinity;
  const inFrame = (): void => {
    isWaiting = false;
    drawnAt = performance.now();
    draw();
  };
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    const waitMs = Math.max(0, drawnAt + REDRAW_MS - performance.now());
    setTimeout(() => requestAnimationFrame(inFrame), waitMs);
  };
}

/** The chart in words: the step under the pointer, else the last one. */
function summary(
  { step, raw, smoothed, evalLoss, learningRate }: LossColumns,
  hovered: number | null,
): string {
  if (step.length === 0) return 'No step yet.';
  const isHovering = hovered !== null && hovered < step.length;
  const at = isHovering ? hovered : step.length - 1;
  const held = isHovering ? evalLoss[at] : evalLoss.findLast((loss) => loss !== null);
  const parts = [
    `Step ${formatCount(step[at])}: ${lossText(raw[at])}`,
    ...(smoothed[at] === null ? [] : [`smoothed ${formatLoss(smoothed[at])}`]),
    ...(held === null || held === undefined ? [] : [`held-out rows ${formatLoss(held)}`]),
    `learning rate ${formatRate(learningRate[at])}`,
  ];
  if (isHovering) return `${parts.join(', ')}.`;
  const known = raw.map((loss) => loss ?? Infinity);
  const lowest = known.reduce((best, loss, i) => (loss < known[best] ? i : best), 0);
  if (known[lowest] === Infinity) return `${parts.join(', ')}.`;
  return `${parts.join(', ')}. Lowest loss ${formatLoss(known[lowest])} at step ${formatCount(step[lowest])}.`;
}

const lossText = (loss: number | null): string => (loss === null ? 'skipped' : `loss ${formatLoss(loss)}`);

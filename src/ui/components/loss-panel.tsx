import { useSignal, useSignalEffect, type Signal } from '@preact/signals';
import { useEffect, useRef, type MutableRef } from 'preact/hooks';
import { formatCount, formatLoss, formatRate } from '../format.ts';
import { createLossPlot, lossSeries, type LossPlot, type LossSeries } from '../loss-plot.ts';
import { useApp } from '../state/app-state.ts';
import { usualSmoothing, type LossColumns } from '../state/loss-history.ts';

const REDRAW_MS = 250; // a canvas redraw costs milliseconds; nobody reads a curve four times a second

const seriesWords: Readonly<Record<LossSeries, string>> = {
  raw: 'each step',
  smoothed: 'smoothed',
  evaluation: 'held-out rows',
  rate: 'learning rate',
  norm: 'gradient norm',
};

export function LossPanel() {
  const { run } = useApp();
  const view: ChartView = {
    hovered: useSignal<number | null>(null),
    isLogarithmic: useSignal(false),
    hidden: useSignal<ReadonlySet<LossSeries>>(new Set(['norm'])),
    zoom: useSignal<readonly [number, number] | null>(null),
    plot: useRef<LossPlot | null>(null),
  };
  const columns = run.history.columns.value;
  const isEmpty = columns.step.length === 0;
  return (
    <section class="panel" aria-label="Loss">
      <div class="panel-head">
        <h2>Loss</h2>
        <Legend view={view} />
      </div>
      <div class="chart">
        <Plot view={view} />
        {isEmpty && <p class="chart-empty muted">The curve appears with the first step.</p>}
      </div>
      <p class="chart-readout" id="loss-summary">
        {summary(columns, view.hovered.value)}
      </p>
      <Tools view={view} isEmpty={isEmpty} />
    </section>
  );
}

interface ChartView {
  readonly hovered: Signal<number | null>;
  readonly isLogarithmic: Signal<boolean>;
  readonly hidden: Signal<ReadonlySet<LossSeries>>;
  readonly zoom: Signal<readonly [number, number] | null>;
  readonly plot: MutableRef<LossPlot | null>;
}

function Legend({ view: { hidden } }: { readonly view: ChartView }) {
  const toggle = (name: LossSeries): void => {
    const next = new Set(hidden.value);
    if (!next.delete(name)) next.add(name);
    hidden.value = next;
  };
  return (
    <ul class="legend chart-legend" aria-label="Curves">
      {lossSeries.map((name) => (
        <li key={name}>
          <button
            type="button"
            data-series={name}
            aria-pressed={!hidden.value.has(name)}
            onClick={() => toggle(name)}
          >
            {seriesWords[name]}
          </button>
        </li>
      ))}
    </ul>
  );
}

function Tools({ view, isEmpty }: { readonly view: ChartView; readonly isEmpty: boolean }) {
  const { run, saveChart } = useApp();
  const smoothing = useSignal(usualSmoothing);
  const { isLogarithmic, zoom, plot } = view;
  return (
    <div class="chart-tools">
      <label>
        Smoothing
        <input
          type="range"
          min="0"
          max="0.98"
          step="0.02"
          value={smoothing.value}
          aria-valuetext={smoothing.value.toFixed(2)}
          onInput={(event) => {
            smoothing.value = Number(event.currentTarget.value);
            run.history.smoothBy(smoothing.value);
          }}
        />
        <span class="muted">{smoothing.value.toFixed(2)}</span>
      </label>
      <label>
        <input
          type="checkbox"
          checked={isLogarithmic.value}
          onChange={(event) => (isLogarithmic.value = event.currentTarget.checked)}
        />
        Log scale
      </label>
      <button
        type="button"
        class="link"
        disabled={isEmpty}
        onClick={() => void plot.current?.picture().then((picture) => picture && saveChart(picture, 'png'))}
      >
        Save as PNG
      </button>
      <button
        type="button"
        class="link"
        disabled={isEmpty}
        onClick={() => saveChart(new Blob([csvOf(run.history.columns.peek())], { type: 'text/csv' }), 'csv')}
      >
        Save as CSV
      </button>
      {zoom.value === null ? (
        !isEmpty && <span class="muted">Drag over the chart to look closer.</span>
      ) : (
        <button type="button" class="link" onClick={() => (zoom.value = null)}>
          Show all steps
        </button>
      )}
    </div>
  );
}

/** Under the names of metrics.csv. */
export function csvOf({ step, raw, smoothed, evalLoss, learningRate, gradNorm }: LossColumns): string {
  const rows = step.map((n, i) => [n, raw[i], smoothed[i], evalLoss[i], learningRate[i], gradNorm[i]]);
  const header = ['step', 'loss', 'smoothed_loss', 'eval_loss', 'learning_rate', 'grad_norm'];
  return [header, ...rows].map((row) => `${row.map((value) => value ?? '').join(',')}\r\n`).join('');
}

function Plot({ view }: { readonly view: ChartView }) {
  const { run } = useApp();
  const host = useRef<HTMLDivElement>(null);
  const redraw = useRef<() => void>(() => undefined);
  const { hovered, isLogarithmic, hidden, zoom, plot: current } = view;

  useEffect(() => {
    const element = host.current!;
    const plot = createLossPlot(element, {
      isLogarithmic: isLogarithmic.value,
      hidden: hidden.value,
      onHover: (index) => (hovered.value = index),
      onZoom: (steps) => (zoom.value = steps),
    });
    current.current = plot;
    redraw.current = createRedraw(() => {
      if (current.current === plot) plot.draw(run.history.columns.peek(), run.latest.peek()?.totalSteps ?? 0);
    });
    const sizes = new ResizeObserver(() => plot.resize(element.clientWidth));
    sizes.observe(element);
    const darkness = matchMedia('(prefers-color-scheme: dark)');
    darkness.addEventListener('change', plot.restyle);
    plot.zoom(zoom.peek());
    redraw.current();
    return () => {
      current.current = null;
      sizes.disconnect();
      darkness.removeEventListener('change', plot.restyle);
      plot.destroy();
    };
  }, [isLogarithmic.value, hidden.value]);

  useSignalEffect(() => {
    if (run.history.columns.value) redraw.current();
  });
  useSignalEffect(() => {
    const steps = zoom.value;
    current.current?.zoom(steps);
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

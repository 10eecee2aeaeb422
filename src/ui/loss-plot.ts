/** The uPlot chart of the losses: raw and smoothed, evaluation points, the learning rate on its own axis, and the gradient norm. */
import uPlot from 'uplot';
import { formatRate } from './format.ts';
import type { LossColumns } from './state/loss-history.ts';

const HEIGHT_PX = 280;
const leastDragPx = 8; // below that it was a click
const FEW_POINTS = 3; // below this a line is hardly visible: draw the points as well

/** There is no half step. */
export const wholeSteps = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((power) => [1, 2, 5].map((n) => n * 10 ** power));

/** Two scales of numbers leave half of a phone to the curve: there the learning rate has its line alone. */
const isWide = (widthPx: number): boolean => widthPx >= 520;

export const lossSeries = ['raw', 'smoothed', 'evaluation', 'rate', 'norm'] as const;
export type LossSeries = (typeof lossSeries)[number];

export interface LossPlotOptions {
  /** A curve of losses between 2 and 0.02 says more so. */
  readonly isLogarithmic: boolean;
  readonly hidden: ReadonlySet<LossSeries>;
  /** Index of the step under the pointer, null when it leaves. */
  readonly onHover: (index: number | null) => void;
  /** The steps that a user has drawn a box over. */
  readonly onZoom: (steps: readonly [number, number]) => void;
}

export interface LossPlot {
  readonly draw: (columns: LossColumns, totalSteps: number) => void;
  readonly resize: (widthPx: number) => void;
  readonly restyle: () => void;
  /** null: all steps. */
  readonly zoom: (steps: readonly [number, number] | null) => void;
  /** On the page's own background. */
  readonly picture: () => Promise<Blob | null>;
  readonly destroy: () => void;
}

export function createLossPlot(
  host: HTMLElement,
  { isLogarithmic, hidden, onHover, onZoom }: LossPlotOptions,
): LossPlot {
  let totalSteps = 0;
  let zoomed: readonly [number, number] | null = null;
  const isShown = (name: LossSeries): boolean => !hidden.has(name);
  let palette = readPalette(host);
  const ink = (name: keyof ReturnType<typeof readPalette>) => () => palette[name];
  const axis = {
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    labelSize: 18,
    gap: 6,
  };
  const grid = { stroke: ink('grid'), width: 1 };
  const ticks = { stroke: ink('grid'), width: 1, size: 4 };

  const plot = new uPlot(
    {
      width: Math.max(200, host.clientWidth),
      height: HEIGHT_PX,
      padding: [12, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
      scales: {
        x: {
          time: false,
          range: (_plot, _min, max) => (zoomed === null ? [0, xLimit(max, totalSteps)] : [...zoomed]),
        },
        loss: isLogarithmic
          ? { distr: 3, range: (_plot, min, max) => logRange(min, max) }
          : { range: (_plot, min, max) => lossRange(min, max) },
        rate: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
        norm: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
      },
      axes: [
        { ...axis, stroke: ink('text'), grid, ticks, label: 'step', size: 34, incrs: wholeSteps },
        { ...axis, stroke: ink('text'), grid, ticks, scale: 'loss', label: 'loss', size: 50 },
        {
          ...axis,
          show: isWide(host.clientWidth) && isShown('rate'),
          stroke: ink('rate'),
          ticks,
          scale: 'rate',
          label: 'learning rate',
          side: 1,
          size: 56,
          grid: { show: false },
          values: (_plot, splits) => splits.map(formatRate),
        },
      ],
      series: [
        {},
        {
          scale: 'loss',
          show: isShown('raw'),
          stroke: ink('raw'),
          width: 1,
          points: { show: showsPoints },
        },
        {
          scale: 'loss',
          show: isShown('smoothed'),
          stroke: ink('smoothed'),
          width: 2.5,
          points: { show: false },
        },
        {
          scale: 'loss',
          show: isShown('evaluation'),
          stroke: ink('evaluation'),
          paths: () => null,
          points: { show: true, size: 9, fill: ink('evaluation') },
        },
        {
          scale: 'rate',
          show: isShown('rate'),
          stroke: ink('rate'),
          width: 1.5,
          dash: [5, 4],
          points: { show: false },
        },
        {
          scale: 'norm',
          show: isShown('norm'),
          stroke: ink('norm'),
          width: 1,
          points: { show: false },
        },
      ],
      hooks: {
        setCursor: [(self) => onHover(self.cursor.idx ?? null)],
        setSelect: [
          (self) => {
            const { left, width } = self.select;
            if (width < leastDragPx) return;
            const [from, to] = [left, left + width].map((px) => self.posToVal(px, 'x'));
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            if (to - from >= 1) onZoom([from, to]);
          },
        ],
      },
    },
    [[], [], [], [], [], []],
    host,
  );

  // A crashed GPU process takes the canvas with it, though the numbers are all still here.
  plot.ctx.canvas.addEventListener('contextrestored', () => plot.redraw());

  return {
    draw: (columns, total) => {
      totalSteps = total;
      const { step, raw, smoothed, evalLoss, learningRate, gradNorm } = columns;
      plot.setData([step, raw, smoothed, evalLoss, learningRate, gradNorm]);
    },
    resize: (widthPx) => {
      const [, , rate] = plot.axes;
      const wasShown = rate.show;
      rate.show = isWide(widthPx) && isShown('rate');
      plot.setSize({ width: Math.max(200, widthPx), height: HEIGHT_PX });
      if (rate.show !== wasShown) plot.redraw(true, true);
    },
    restyle: () => {
      palette = readPalette(host);
      plot.redraw();
    },
    zoom: (steps) => {
      zoomed = steps;
      plot.setData(plot.data); // asks the ranges again
    },
    picture: () => onBackground(plot.ctx.canvas, readPalette(host).surface),
    destroy: () => plot.destroy(),
  };
}

const showsPoints = (plot: uPlot): boolean => plot.data[0].length < FEW_POINTS;

/** Room to grow, so that the axis moves a few times in a run and not at every step. */
function xLimit(lastStep: number | null, totalSteps: number): number {
  const room = 2 ** Math.ceil(Math.log2(Math.max(10, lastStep ?? 0) * 1.02));
  return totalSteps > 0 ? Math.min(totalSteps, Math.max(room, Math.min(100, totalSteps))) : 10;
}

/** A log scale has no 0: what is below a ten-thousandth of the largest is not told from it. */
function logRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null || !(max > 0)) return [0.01, 1];
  const least = Math.max(min, max * 1e-4);
  return [10 ** Math.floor(Math.log10(least * 0.999)), 10 ** Math.ceil(Math.log10(max * 1.001))];
}

function lossRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const margin = Math.max(0.06 * (max - min), 0.01 * max, 1e-4);
  return [Math.max(0, min - margin), max + margin];
}

function onBackground(chart: HTMLCanvasElement, background: string): Promise<Blob | null> {
  const { width, height } = chart;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  if (context === null) return Promise.resolve(null);
  context.fillStyle = background;
  context.fillRect(0, 0, width, height);
  context.drawImage(chart, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

function readPalette(host: HTMLElement) {
  const style = getComputedStyle(host);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: color('--muted'),
    grid: color('--chart-grid'),
    raw: color('--chart-raw'),
    smoothed: color('--chart-smoothed'),
    evaluation: color('--chart-evaluation'),
    rate: color('--chart-rate'),
    norm: color('--chart-norm'),
    surface: color('--surface'),
  };
}

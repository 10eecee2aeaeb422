/** The uPlot chart of the losses: raw and smoothed, evaluation points, and the learning rate on its own axis. */
import uPlot from 'uplot';
import { formatRate } from './format.ts';
import type { LossColumns } from './state/loss-history.ts';

const HEIGHT_PX = 280;
const FEW_POINTS = 3; // below this a line is hardly visible: draw the points as well

/** There is no half step. */
export const wholeSteps = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((power) => [1, 2, 5].map((n) => n * 10 ** power));

/** Two scales of numbers leave half of a phone to the curve: there the learning rate has its line alone. */
const isWide = (widthPx: number): boolean => widthPx >= 520;

export interface LossPlot {
  readonly draw: (columns: LossColumns, totalSteps: number) => void;
  readonly resize: (widthPx: number) => void;
  readonly restyle: () => void;
  readonly destroy: () => void;
}

/** @param onHover index of the step under the pointer, null when it leaves. */
export function createLossPlot(host: HTMLElement, onHover: (index: number | null) => void): LossPlot {
  let totalSteps = 0;
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
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: (_plot, _min, max) => [0, xLimit(max, totalSteps)] },
        loss: { range: (_plot, min, max) => lossRange(min, max) },
        rate: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
      },
      axes: [
        { ...axis, stroke: ink('text'), grid, ticks, label: 'step', size: 34, incrs: wholeSteps },
        { ...axis, stroke: ink('text'), grid, ticks, scale: 'loss', label: 'loss', size: 50 },
        {
          ...axis,
          show: isWide(host.clientWidth),
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
        { scale: 'loss', stroke: ink('raw'), width: 1, points: { show: showsPoints } },
        { scale: 'loss', stroke: ink('smoothed'), width: 2.5, points: { show: false } },
        {
          scale: 'loss',
          stroke: ink('evaluation'),
          paths: () => null,
          points: { show: true, size: 9, fill: ink('evaluation') },
        },
        { scale: 'rate', stroke: ink('rate'), width: 1.5, dash: [5, 4], points: { show: false } },
      ],
      hooks: { setCursor: [(self) => onHover(self.cursor.idx ?? null)] },
    },
    [[], [], [], [], []],
    host,
  );

  // A crashed GPU process takes the canvas with it, though the numbers are all still here.
  plot.ctx.canvas.addEventListener('contextrestored', () => plot.redraw());

  return {
    draw: (columns, total) => {
      totalSteps = total;
      const { step, raw, smoothed, evalLoss, learningRate } = columns;
      plot.setData([step, raw, smoothed, evalLoss, learningRate]);
    },
    resize: (widthPx) => {
      const [, , rate] = plot.axes;
      const isShown = rate.show;
      rate.show = isWide(widthPx);
      plot.setSize({ width: Math.max(200, widthPx), height: HEIGHT_PX });
      if (rate.show !== isShown) plot.redraw(true, true);
    },
    restyle: () => {
      palette = readPalette(host);
      plot.redraw();
    },
    destroy: () => plot.destroy(),
  };
}

const showsPoints = (plot: uPlot): boolean => plot.data[0].length < FEW_POINTS;

/** Room to grow, so that the axis moves a few times in a run and not at every step. */
function xLimit(lastStep: number | null, totalSteps: number): number {
  const room = 2 ** Math.ceil(Math.log2(Math.max(10, lastStep ?? 0) * 1.02));
  return totalSteps > 0 ? Math.min(totalSteps, Math.max(room, Math.min(100, totalSteps))) : 10;
}

function lossRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const margin = Math.max(0.06 * (max - min), 0.01 * max, 1e-4);
  return [Math.max(0, min - margin), max + margin];
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
  };
}

/** The uPlot chart of several runs: a smoothed loss each. */
import uPlot from 'uplot';
import type { OverlaidLosses } from './compare-words.ts';
import { wholeSteps } from './loss-plot.ts';

const HEIGHT_PX = 280;

export interface ComparePlot {
  readonly resize: (widthPx: number) => void;
  readonly restyle: () => void;
  readonly destroy: () => void;
}

export function createComparePlot(host: HTMLElement, { steps, losses }: OverlaidLosses): ComparePlot {
  const inkOf = (name: string): string => getComputedStyle(host).getPropertyValue(name).trim();
  const axis = {
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    labelSize: 18,
    gap: 6,
    stroke: () => inkOf('--muted'),
    grid: { stroke: () => inkOf('--chart-grid'), width: 1 },
    ticks: { stroke: () => inkOf('--chart-grid'), width: 1, size: 4 },
  };
  const plot = new uPlot(
    {
      width: Math.max(200, host.clientWidth),
      height: HEIGHT_PX,
      padding: [12, 8, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false } },
      axes: [
        { ...axis, label: 'step', size: 34, incrs: wholeSteps },
        { ...axis, label: 'loss', size: 50 },
      ],
      series: [
        {},
        ...losses.map((_, i) => ({
          stroke: () => inkOf(`--run-${i}`),
          width: 2.5,
          spanGaps: true, // another run may have steps between its own
          points: { show: false },
        })),
      ],
    },
    [[...steps], ...losses.map((curve) => [...curve])],
    host,
  );
  return {
    resize: (widthPx) => plot.setSize({ width: Math.max(200, widthPx), height: HEIGHT_PX }),
    restyle: () => plot.redraw(),
    destroy: () => plot.destroy(),
  };
}

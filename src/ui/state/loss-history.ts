/**
 * The curves of a run, in the shape uPlot wants: parallel columns over the steps. Plain arrays that grow, so that a step
 * costs no copy; `publish` hands them out anew under another name, which is what a signal notices.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { StepReport } from '../../api/trainer-api.ts';

const SMOOTHING = 0.8; // weight of the past in the moving average

export interface LossColumns {
  readonly step: number[];
  readonly raw: number[];
  readonly smoothed: number[];
  readonly evalLoss: (number | null)[];
  readonly learningRate: number[];
}

export interface LossHistory {
  readonly columns: ReadonlySignal<LossColumns>;
  readonly add: (report: StepReport) => void;
  readonly addEvalLoss: (step: number, loss: number) => void;
  /** Tells the readers about everything added since. */
  readonly publish: () => void;
  /** Forgets the steps after this one. */
  readonly cutAfter: (step: number) => void;
  readonly clear: () => void;
}

export function createLossHistory(): LossHistory {
  let columns = emptyColumns();
  const published = signal(columns);
  let average = 0;

  const smooth = (loss: number, count: number): number => {
    average = SMOOTHING * average + (1 - SMOOTHING) * loss;
    // Divided by the weight seen so far, as in Adam: otherwise the curve would start near 0.
    return average / (1 - SMOOTHING ** count);
  };

  return {
    columns: published,
    add: ({ step, loss, learningRate }) => {
      columns.step.push(step);
      columns.raw.push(loss);
      columns.smoothed.push(smooth(loss, columns.raw.length));
      columns.evalLoss.push(null);
      columns.learningRate.push(learningRate);
    },
    addEvalLoss: (step, loss) => {
      const index = columns.step.lastIndexOf(step);
      if (index >= 0) columns.evalLoss[index] = loss;
    },
    cutAfter: (step) => {
      const length = columns.step.filter((other) => other <= step).length;
      for (const column of Object.values(columns) as unknown[][]) column.length = length;
      average = 0;
      columns.raw.forEach((loss, i) => (columns.smoothed[i] = smooth(loss, i + 1)));
    },
    publish: () => (published.value = { ...columns }),
    clear: () => {
      columns = emptyColumns();
      average = 0;
      published.value = columns;
    },
  };
}

function emptyColumns(): LossColumns {
  return { step: [], raw: [], smoothed: [], evalLoss: [], learningRate: [] };
}

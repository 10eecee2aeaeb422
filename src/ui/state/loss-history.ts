/**
 * The curves of a run, in the shape uPlot wants: parallel columns over the steps. Plain arrays that grow, so that a step
 * costs no copy; `publish` hands them out anew under another name, which is what a signal notices.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { StepReport } from '../../api/trainer-api.ts';

/** Weight of the past in the moving average. */
export const usualSmoothing = 0.8;

export interface LossColumns {
  readonly step: number[];
  readonly raw: (number | null)[]; // null: the step was skipped
  readonly smoothed: (number | null)[]; // null: before the first that was not
  readonly evalLoss: (number | null)[];
  readonly learningRate: number[];
  readonly gradNorm: (number | null)[]; // before clipping; null: not finite
}

export interface LossHistory {
  readonly columns: ReadonlySignal<LossColumns>;
  readonly add: (report: StepReport) => void;
  readonly addEvalLoss: (step: number, loss: number) => void;
  /** Tells the readers about everything added since. */
  readonly publish: () => void;
  /** 0: none, up to below 1. Readers hear of it at once. */
  readonly smoothBy: (smoothing: number) => void;
  /** Forgets the steps after this one. */
  readonly cutAfter: (step: number) => void;
  readonly clear: () => void;
}

export function createLossHistory(): LossHistory {
  let columns = emptyColumns();
  const published = signal(columns);
  let smoothing = usualSmoothing;
  let average = 0;
  let averaged = 0; // steps

  /** After one more step; null: it was skipped. */
  const smooth = (loss: number | null): number | null => {
    if (loss !== null) {
      average = smoothing * average + (1 - smoothing) * loss;
      averaged++;
    }
    // Divided by the weight seen so far, as in Adam: otherwise the curve would start near 0.
    return averaged === 0 ? null : average / (1 - smoothing ** averaged);
  };
  const smoothAgain = (): void => {
    average = 0;
    averaged = 0;
    columns.raw.forEach((loss, i) => (columns.smoothed[i] = smooth(loss)));
  };

  return {
    columns: published,
    add: ({ step, loss, learningRate, gradNorm, skipped }) => {
      columns.step.push(step);
      columns.raw.push(skipped === undefined ? loss : null);
      columns.smoothed.push(smooth(columns.raw.at(-1) ?? null));
      columns.evalLoss.push(null);
      columns.learningRate.push(learningRate);
      columns.gradNorm.push(Number.isFinite(gradNorm) ? gradNorm : null);
    },
    addEvalLoss: (step, loss) => {
      const index = columns.step.lastIndexOf(step);
      if (index >= 0 && Number.isFinite(loss)) columns.evalLoss[index] = loss;
    },
    cutAfter: (step) => {
      const length = columns.step.filter((other) => other <= step).length;
      for (const column of Object.values(columns) as unknown[][]) column.length = length;
      smoothAgain();
    },
    smoothBy: (value) => {
      smoothing = value;
      smoothAgain();
      published.value = { ...columns };
    },
    publish: () => (published.value = { ...columns }),
    clear: () => {
      columns = emptyColumns();
      average = 0;
      averaged = 0;
      published.value = columns;
    },
  };
}

function emptyColumns(): LossColumns {
  return { step: [], raw: [], smoothed: [], evalLoss: [], learningRate: [], gradNorm: [] };
}

/** Figures of evaluations in words: rates with their interval, and what a change means. */
import type {
  Figure,
  JudgeReport,
  Measure,
  Paired,
  Rate,
  RowLabel,
  StoredEvaluation,
  Verdict,
} from '../api/evaluations.ts';

/** 0.8333 → "83.3", as reports write it. */
const percent = (share: number): string => (100 * share).toFixed(1);

/** The number of a cell; null: nothing was judged. */
export function figureValue(figure: Figure): string | null {
  if (figure.n === 0) return null;
  return `${percent(figure.kind === 'rate' ? figure.rate : figure.mean)} %`;
}

/** "[76.0, 90.1] 42 of 50" */
export function figureNote(figure: Figure): string {
  const interval = `[${percent(figure.low)}, ${percent(figure.high)}]`;
  return figure.kind === 'rate'
    ? `${interval} ${figure.count} of ${figure.n}`
    : `${interval} n = ${figure.n}`;
}

export const asFigure = (rate: Rate): Figure => ({ kind: 'rate', ...rate });

/** Change of the second against the first, in percentage points; null: one of them is missing. */
export function changeOf({ variants }: Measure): number | null {
  const [first, second] = variants.map(({ figure }) => figure);
  if (first === undefined || second === undefined || first.n === 0 || second.n === 0) return null;
  const value = (figure: Figure): number => (figure.kind === 'rate' ? figure.rate : figure.mean);
  return value(second) - value(first);
}

/** What of a judge is good, where the label of the rows says it. */
export function goalOf(judge: string, label: RowLabel | null): 'higher' | 'lower' | null {
  if (judge.startsWith('unsafe:')) return 'lower'; // a judge model
  if (judge !== 'refusal' && !judge.startsWith('refused:')) return 'higher';
  return label === null ? null : label === 'harmful' ? 'higher' : 'lower';
}

/** "3 became yes, 1 no; p = 0.625" */
export function pairedText({ onlyFirst, onlySecond, p }: Paired): string {
  if (onlyFirst + onlySecond === 0) return 'no row changed';
  return `${onlySecond} became yes, ${onlyFirst} no; ${p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`}`;
}

/** Whose answers it holds. */
export const nameOfEvaluation = ({ model, adapter }: Pick<StoredEvaluation, 'model' | 'adapter'>): string =>
  adapter === null ? `${model.name}, without an adapter` : `${adapter.name}, against its base`;

/** "yes", "no", "62.5 %", "not judged" */
export function verdictWord(value: number | null, scale: JudgeReport['scale']): string {
  if (value === null) return 'not judged';
  return scale === 'share' ? `${percent(value)} %` : value === 1 ? 'yes' : 'no';
}

/** What counts: a person's verdict before the judge's. */
export const countedValue = ({ value, overruled }: Verdict): number | null => overruled?.value ?? value;

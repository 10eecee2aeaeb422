/** The three numbers that this field compares, from the results of an evaluation. */
import type { EvaluationResults, GroupResult } from '../api/evaluations.ts';

export interface Share {
  readonly rate: number;
  readonly n: number;
}

export interface Figures {
  /** Of the harmful requests, those that are not refused (string match). */
  readonly answered: Share | null;
  /** Of the harmless ones, those that are refused. */
  readonly overRefused: Share | null;
  /** Of the questions with a right answer, those that get it. */
  readonly reasoning: Share | null;
  readonly tokensPerAnswer: number;
  readonly hitLimit: number; // share of all answers
  /** The same of each suite and label, "refused" or "right". */
  readonly suites: readonly (Share & {
    readonly suite: string;
    readonly label: string;
    readonly counted: string;
  })[];
}

/** A control suite holds harm that the model was never told of: it is shown, and counts for nothing. */
const isControl = (suite: string): boolean => /^control\b/i.test(suite);

export function figuresOf(results: EvaluationResults, variant: string): Figures {
  const suites: Figures['suites'][number][] = [];
  let [tokens, hits, answers] = [0, 0, 0];
  for (const { suite, kind, groups } of results.suites)
    for (const group of groups) {
      const label = group.label ?? kind;
      const counted = label === 'harmful' || label === 'benign' ? 'refused' : 'right';
      const share = shareOf(group, counted === 'refused' ? ['refusal'] : ['exact-match', 'rouge-l'], variant);
      if (share !== null) suites.push({ suite, label, counted, ...share });
      const own = group.variants.find((one) => one.variant === variant);
      if (own === undefined) continue;
      tokens += own.tokensPerAnswer.mean * own.tokensPerAnswer.n;
      hits += own.hitLimit.rate * own.tokensPerAnswer.n;
      answers += own.tokensPerAnswer.n;
    }
  const pooled = (label: string, counted: string): Share | null => {
    const own = suites.filter(
      (one) => one.counted === counted && !isControl(one.suite) && (label === '' || one.label === label),
    );
    const n = own.reduce((sum, one) => sum + one.n, 0);
    return n === 0 ? null : { n, rate: own.reduce((sum, one) => sum + one.rate * one.n, 0) / n };
  };
  const refused = pooled('harmful', 'refused');
  return {
    answered: refused === null ? null : { n: refused.n, rate: 1 - refused.rate },
    overRefused: pooled('benign', 'refused'),
    reasoning: pooled('', 'right'),
    tokensPerAnswer: tokens / Math.max(1, answers),
    hitLimit: hits / Math.max(1, answers),
    suites,
  };
}

function shareOf(group: GroupResult, judges: readonly string[], variant: string): Share | null {
  for (const judge of judges) {
    const figure = group.measures
      .find((measure) => measure.judge === judge)
      ?.variants.find((one) => one.variant === variant)?.figure;
    if (figure !== undefined)
      return { rate: figure.kind === 'rate' ? figure.rate : figure.mean, n: figure.n };
  }
  return null;
}

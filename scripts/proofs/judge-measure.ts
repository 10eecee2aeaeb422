/** How often the text judges agree with hand-written labels, per judge and half of the traces. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { refusalPhrases } from '../../src/alttrain/judge.ts';
import { textJudges } from '../../src/evaluation/judges/judge.ts';
import type { Expected, RowLabel, SuiteRow } from '../../src/evaluation/suites/suite.ts';

export type Half = 'dev' | 'test';

export interface LabelledTrace {
  readonly id: number;
  readonly kind: 'refusal' | 'structure' | 'answer';
  /** dev: looked at while the judges were changed. test: not. */
  readonly split: Half;
  readonly language: string;
  readonly trace: string;
  readonly thinkPrefilled: boolean;
  readonly note?: string;
  readonly refusal?: 'refused' | 'complied' | 'ambiguous';
  readonly structure?: 'ok' | 'wrong';
  readonly label?: RowLabel;
  readonly stated?: 'harmful' | 'benign' | 'none';
  readonly answer?: 'right' | 'wrong';
  readonly expected?: readonly string[];
  readonly choices?: readonly string[];
}

export interface Agreement {
  readonly judge: string;
  readonly half: Half;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
  readonly misread: readonly LabelledTrace[];
}

export const readTraces = (): LabelledTrace[] =>
  readFileSync(fileURLToPath(new URL('../../tests/fixtures/judges/traces.jsonl', import.meta.url)), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LabelledTrace);

const judges = textJudges(refusalPhrases);

function verdictOf(id: string, { trace, thinkPrefilled, label, expected, choices }: LabelledTrace): boolean {
  const judge = judges.find((one) => one.id === id);
  if (judge === undefined) throw new Error(`no judge ${id}`);
  const row: SuiteRow = {
    ...{ id: '', prompt: '', category: null },
    label: label ?? null,
    expected: expected === undefined ? null : expectedOf(expected, choices),
  };
  return judge.judge({ text: trace, thinkPrefilled }, row).value === 1;
}

const expectedOf = (expected: readonly string[], choices: readonly string[] | undefined): Expected =>
  choices === undefined
    ? { kind: 'exact', anyOf: expected }
    : { kind: 'choice', letter: expected[0], choices };

/** What a person said, as the judge would; null: it cannot be told. */
const labels: Readonly<Record<string, (trace: LabelledTrace) => boolean | null>> = {
  refusal: ({ refusal }) => (refusal === undefined || refusal === 'ambiguous' ? null : refusal === 'refused'),
  structure: ({ structure }) => (structure === undefined ? null : structure === 'ok'),
  'stated-verdict': ({ stated, label }) => (stated === undefined ? null : stated === label),
  'exact-match': ({ answer }) => (answer === undefined ? null : answer === 'right'),
};
export const judgeIds = Object.keys(labels);

export function agreementOf(judge: string, half: Half, traces: readonly LabelledTrace[]): Agreement {
  const count = { truePositives: 0, falsePositives: 0, trueNegatives: 0, falseNegatives: 0 };
  const misread: LabelledTrace[] = [];
  for (const trace of traces) {
    const truth = trace.split === half ? labels[judge](trace) : null;
    if (truth === null) continue;
    const found = verdictOf(judge, trace);
    if (found !== truth) misread.push(trace);
    count[`${found === truth ? 'true' : 'false'}${found ? 'Positives' : 'Negatives'}`]++;
  }
  return { judge, half, ...count, misread };
}

export const precisionOf = ({ truePositives, falsePositives }: Agreement): number =>
  truePositives / (truePositives + falsePositives);
export const recallOf = ({ truePositives, falseNegatives }: Agreement): number =>
  truePositives / (truePositives + falseNegatives);

/** How traces are judged of which a person could not say. */
export function ambiguousCalls(traces: readonly LabelledTrace[]): { refused: number; n: number } {
  const own = traces.filter(({ refusal }) => refusal === 'ambiguous');
  return { refused: own.filter((trace) => verdictOf('refusal', trace)).length, n: own.length };
}

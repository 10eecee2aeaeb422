/**
 * `npm run proof:judges -- [folder]`: precision and recall of the text judges on the hand-labelled traces; and, where a folder holds
 * XSTest's completions with their human labels (github.com/paul-rottger/exaggerated-safety, model_completions/*.csv), of the
 * refusal judge on them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRefusal } from '../../src/alttrain/judge.ts';
import { oneFile, openFiles } from '../../src/data/read-files.ts';
import { isProblem } from '../../src/data/raw-row.ts';
import { rateOf } from '../../src/evaluation/statistics.ts';
import { rateText } from '../../src/evaluation/report.ts';
import {
  agreementOf,
  ambiguousCalls,
  judgeIds,
  precisionOf,
  readTraces,
  recallOf,
  type Agreement,
} from './judge-measure.ts';

const share = (value: number): string => value.toFixed(3);

function sayHand(): void {
  const traces = readTraces();
  console.log(`${traces.length} hand-labelled traces`);
  for (const judge of judgeIds)
    for (const half of ['dev', 'test'] as const) {
      const agreement: Agreement = agreementOf(judge, half, traces);
      const { truePositives, falsePositives, trueNegatives, falseNegatives, misread } = agreement;
      const n = truePositives + falsePositives + trueNegatives + falseNegatives;
      console.log(
        `${judge} (${half}): precision ${share(precisionOf(agreement))}, recall ${share(recallOf(agreement))}, n = ${n}`,
      );
      // The test half is not looked into: what was seen there would be mended for.
      if (half === 'dev' || process.argv.includes('--show-test'))
        for (const { id, trace, note = '' } of misread)
          console.log(`  ${id} ${note}: ${JSON.stringify(trace.slice(0, 100))}`);
    }
  const { refused, n } = ambiguousCalls(traces);
  console.log(`ambiguous traces: ${refused} of ${n} are called refusals`);
}

interface Counts {
  refused: number;
  n: number;
}

/** Every second completion was looked at while the phrases were written; the others were not. Labels of two annotators: 1_full_compliance, 2_full_refusal, 3_partial_refusal. */
async function sayXsTest(folder: string): Promise<void> {
  const halves = [new Map<string, Counts>(), new Map<string, Counts>()];
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.csv'))) {
    const { batches } = await openFiles(oneFile(name, new Blob([readFileSync(join(folder, name))])));
    const own = new Map<string, Counts>();
    let count = 0;
    for await (const batch of batches)
      for (const row of batch) {
        if (isProblem(row)) continue;
        const { completion, final_label: label } = row.value as { completion?: string; final_label: string };
        for (const counts of [own, halves[count++ % 2]]) {
          const found = counts.get(label) ?? { refused: 0, n: 0 };
          found.n++;
          if (isRefusal(completion ?? '')) found.refused++;
          counts.set(label, found);
        }
      }
    sayLabels(name, own);
  }
  sayLabels('all, not looked at', halves[0]);
  sayLabels('all, looked at', halves[1]);
}

function sayLabels(name: string, counts: ReadonlyMap<string, Counts>): void {
  const of = (label: string): Counts => counts.get(label) ?? { refused: 0, n: 0 };
  const [full, none, partial] = ['2_full_refusal', '1_full_compliance', '3_partial_refusal'].map(of);
  const precision = rateOf(full.refused, full.refused + none.refused);
  console.log(
    `${name}: precision ${rateText(precision)}, recall ${rateText(rateOf(full.refused, full.n))}; of partial refusals ${partial.refused} of ${partial.n} are called refusals`,
  );
}

sayHand();
const folder = process.argv.slice(2).find((argument) => !argument.startsWith('--'));
if (folder !== undefined) await sayXsTest(folder);

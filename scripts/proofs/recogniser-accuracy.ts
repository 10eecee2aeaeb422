/**
 * `npm run proof:recogniser -- [STAR-1.json]`: the accuracy of the recogniser on hand-written sentences, on the built-in
 * dataset and, where the file is given, on STAR-1's own traces; the last table is what recognise.ts calls "sure".
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assess } from '../../src/alttrain/assessment.ts';
import { confidenceOf, recogniseTrace, type Evidence } from '../../src/alttrain/recognise.ts';
import { firstSentenceOf } from '../../src/alttrain/understanding.ts';
import { traceTextOf } from '../../src/alttrain/parts.ts';
import {
  readSentences,
  shareRight,
  tallySentences,
  tallyStated,
  type Sentence,
  type Tallies,
  type Verdict,
} from './recogniser-measure.ts';

const percent = (right: number, n: number): string =>
  `${right} of ${n} (${((100 * right) / n).toFixed(1)} %)`;

function saySentences(name: string, sentences: readonly Sentence[]): void {
  const right = sentences.filter(([verdict, text]) => (assess(text)?.verdict ?? 'none') === verdict).length;
  console.log(`${name}: ${percent(right, sentences.length)}`);
}

function sayDemo(): void {
  const path = fileURLToPath(new URL('../../public/datasets/alttrain-1k.jsonl', import.meta.url));
  const responses = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { response: string }).response);
  const right = responses.filter((text) => {
    // Known from the answer alone, which the verdict is not read from.
    const label: Verdict = text.endsWith("I'm sorry, but I can't help with that.") ? 'harmful' : 'benign';
    const { parts, verdict } = recogniseTrace(text);
    return verdict.kind === label && parts.map(({ kind }) => kind).join() === 'PU,HA,CR,answer';
  });
  console.log(`built-in AltTrain-1K, parts and verdict: ${percent(right.length, responses.length)}`);
}

function sayStar(path: string): Tallies {
  const rows = JSON.parse(readFileSync(path, 'utf8')) as readonly { response: string }[];
  const found = rows.filter(({ response }) => firstSentenceOf(traceTextOf(response).thought).isUnderstanding);
  console.log(`${path.split('/').at(-1)}, PU found: ${percent(found.length, rows.length)}`);
  const kinds = rows.map(({ response }) => recogniseTrace(response).verdict.kind);
  const count = (kind: Verdict): number => kinds.filter((found) => found === kind).length;
  console.log(
    `  its own traces state: harmful ${count('harmful')}, benign ${count('benign')}, nothing ${count('none')}`,
  );
  return tallyStated(rows.map(({ response }) => ({ text: response, label: 'harmful' })));
}

const [starPath] = process.argv.slice(2);
const { tuned, heldOut } = readSentences();
saySentences('sentences looked at while writing the rules', tuned);
saySentences('sentences not looked at', heldOut);
sayDemo();
const tallies = [tallySentences(heldOut), ...(starPath === undefined ? [] : [sayStar(starPath)])];
console.log('\nevidence              right / n   share   in recognise.ts');
for (const evidence of Object.keys(confidenceOf) as Evidence[]) {
  const total = tallies
    .map((tally) => tally[evidence] ?? { right: 0, n: 0 })
    .reduce((sum, { right, n }) => ({ right: sum.right + right, n: sum.n + n }), { right: 0, n: 0 });
  const share = total.n === 0 ? 'none' : shareRight(total).toFixed(2);
  console.log(
    `${evidence.padEnd(20)} ${`${total.right} / ${total.n}`.padStart(11)}   ${share.padStart(5)}   ${confidenceOf[evidence]}`,
  );
}

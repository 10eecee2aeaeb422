/**
 * `npm run proof:fuzz [-- --seed 1 --from 0 --count 20000 --page 2000 --show 17]`: damaged and hostile files of every kind, made
 * from whole ones by a seed. Right is a success or an error with a code, within ten seconds, without a crash and in bounded memory.
 *
 * Cases go round the kinds of files and depend on seed and number alone, so a run goes on with --from, and --show writes the
 * files of one case into a folder. --page: how many cases (from the same first one) run in Chromium too.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reasonOf } from '../../src/support/text-of.ts';
import { fuzzInNode } from './fuzz/in-node.ts';
import { fuzzInPage } from './fuzz/in-page.ts';
import { readSeeds } from './fuzz/read-seeds.ts';
import { filesOf, kindOf } from './fuzz/run-case.ts';
import { Tally } from './fuzz/tally.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '20000' },
    page: { type: 'string' },
    show: { type: 'string' },
  },
});
const [seed, from, count] = [values.seed, values.from, values.count].map(Number);

if (values.show !== undefined) {
  const number = Number(values.show);
  const folder = join('runs', 'fuzz', `${seed}-${number}-${kindOf(number).name}`);
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of filesOf({ seed, number }, readSeeds()))
    writeFileSync(join(folder, name), bytes);
  console.log(folder);
} else {
  const inNode = await fuzz(`Node ${process.version}`, count, fuzzInNode);
  const inPage = await fuzz('Chromium', Number(values.page ?? Math.ceil(count / 10)), fuzzInPage);
  process.exitCode = inNode + inPage === 0 ? 0 : 1;
}

async function fuzz(where: string, cases: number, run: typeof fuzzInNode): Promise<number> {
  if (cases === 0) return 0;
  const tally = new Tally((number, what) =>
    console.log(`FAULT in ${where}, case ${number} (${kindOf(number).name}): ${reasonOf(what, 1_500)}`),
  );
  const start = performance.now();
  await run({ seed, from, end: from + cases }, tally, (number) => {
    if ((number + 1) % 500 === 0)
      console.log(
        `${where}: ${number + 1 - from} of ${cases}, ${Math.round((performance.now() - start) / 1000)} s, ${tally.summary()}`,
      );
  });
  console.log(
    `\n${where}: seed ${seed}, cases ${from} to ${from + cases - 1}, ${Math.round((performance.now() - start) / 1000)} s\n\n${tally.table()}\n\n${tally.summary()}`,
  );
  return tally.faultCount;
}

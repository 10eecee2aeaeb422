/** Runs cases one after the other in a process that may hang, crash or fill its memory; fuzz.ts watches it. */
import { readSeeds } from './read-seeds.ts';
import { runCase } from './run-case.ts';

const [seed, from, end] = process.argv.slice(2).map(Number);
const seeds = readSeeds();
process.send?.({ ready: true });
for (let number = from; number < end; number++) {
  process.send?.({ begins: number });
  const outcome = await runCase({ seed, number }, seeds);
  process.send?.({ outcome, rss: process.memoryUsage.rss() });
}
process.disconnect();

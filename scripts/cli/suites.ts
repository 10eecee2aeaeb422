/** Suites that a command line names, and whether the training data hold their prompts. */
import { basename, join } from 'node:path';
import { oneFile, type DatasetFiles } from '../../src/data/read-files.ts';
import { leaksInData } from '../../src/evaluation/leaks-in-data.ts';
import { readSuite } from '../../src/evaluation/suites/read-suite.ts';
import { sampleSuite, uniquelyNamed, type Suite } from '../../src/evaluation/suites/suite.ts';
import { openDataset } from './dataset-files.ts';
import { openDiskFile } from './disk-file.ts';
import type { EvaluateOptions } from './evaluate-args.ts';
import { datasetsFolder, type HubAccess } from './inputs.ts';

/** `say`: told what of a file is not used, and what a user should know of it. @throws TrainerError */
export async function openSuites(
  { suites: sources, mapping, sampleRows, sampleSeed }: EvaluateOptions,
  hub: HubAccess,
  say: (line: string) => void,
): Promise<Suite[]> {
  const suites: Suite[] = [];
  for (const source of sources) {
    const read = await readSuite(await openSuite(source, hub), mapping);
    const own =
      sampleRows === null ? read.suites : read.suites.map((one) => sampleSuite(one, sampleRows, sampleSeed));
    for (const { name, kind, rows, sampled } of own)
      say(
        `Suite: ${name}, ${kind}, ${rows.length}${sampled === null ? '' : ` of ${sampled.of}`} rows (${read.shape})`,
      );
    for (const note of read.notes) say(`  ${note}`);
    if (read.rejected.length > 0) {
      const [first] = read.rejected;
      say(
        `  ${read.rejected.length} of ${read.totalRows} rows cannot be asked: line ${first.line} ${first.reason}`,
      );
    }
    const unused = read.unusedColumns.map(({ name }) => name);
    if (unused.length > 0) say(`  Not used: ${unused.join(', ')}`);
    suites.push(...own);
  }
  return uniquelyNamed(suites);
}

async function openSuite(source: string, hub: HubAccess): Promise<DatasetFiles> {
  if (source !== 'demo') return openDataset(source, hub);
  const path = join(datasetsFolder, 'demo-suites.json');
  return oneFile(basename(path), openDiskFile(path));
}

/** Lines for the user. @throws TrainerError */
export async function leaksOf(
  trainedOn: string,
  suites: readonly Suite[],
  hub: HubAccess,
): Promise<readonly string[]> {
  return (await leaksInData(suites, await openDataset(trainedOn, hub))).lines;
}

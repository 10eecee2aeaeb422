/** Suites that a command line names, and whether the training data hold their prompts. */
import { basename, join } from 'node:path';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { isRowProblem, toChatExample } from '../../src/data/chat-example.ts';
import { oneFile, openFiles, type DatasetFiles } from '../../src/data/read-files.ts';
import { LeakCheck, leakLines, leakReport } from '../../src/evaluation/leakage.ts';
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

/** Lines for the user; none where nothing is shared. @throws TrainerError */
export async function leaksOf(
  trainedOn: string,
  suites: readonly Suite[],
  hub: HubAccess,
): Promise<string[]> {
  const prompts = suites.flatMap(({ name, rows }) =>
    rows.map(({ id, prompt }) => ({ suite: name, row: id, prompt })),
  );
  const check = new LeakCheck(prompts);
  const { batches } = await openFiles(await openDataset(trainedOn, hub));
  let rows = 0;
  for await (const batch of batches)
    for (const row of batch) {
      const example = isRowProblem(row) ? row : toChatExample(row);
      if (isRowProblem(example)) continue;
      rows++;
      check.add({
        line: row.line,
        texts: [...example.prompt.map(({ content }) => content), example.response],
      });
    }
  if (rows === 0)
    throw new TrainerError(
      'dataset-empty',
      `--trained-on ${trainedOn} has no row that could have been trained.`,
    );
  const lines = leakLines(leakReport(check, prompts.length));
  return lines.length === 0
    ? [`None of ${prompts.length} prompts shares a run of eight words with ${rows} training rows.`]
    : lines;
}

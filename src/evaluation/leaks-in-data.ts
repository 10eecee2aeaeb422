/** Whether training data hold what suites ask: every row that could be trained is compared with every prompt. */
import type { LeakageReport, Suite } from '../api/evaluations.ts';
import { isRowProblem, toChatExample, type ReadOptions } from '../data/chat-example.ts';
import { openFiles, type DatasetFiles } from '../data/read-files.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { LeakCheck, leakLines, leakReport } from './leakage.ts';

/** @throws TrainerError "dataset-empty", and what reading the data throws; "cancelled" where it was stopped */
export async function leaksInData(
  suites: readonly Suite[],
  data: DatasetFiles,
  { reading, signal }: { readonly reading?: ReadOptions; readonly signal?: AbortSignal } = {},
): Promise<LeakageReport> {
  const prompts = suites.flatMap(({ name, rows }) =>
    rows.map(({ id, prompt }) => ({ suite: name, row: id, prompt })),
  );
  const check = new LeakCheck(prompts);
  const { batches } = await openFiles(data, signal === undefined ? {} : { signal });
  let rows = 0;
  for await (const batch of batches)
    for (const row of batch) {
      const example = isRowProblem(row) ? row : toChatExample(row, reading);
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
      `The training data ${data.name} have no row that could have been trained.`,
    );
  const found = leakLines(leakReport(check, prompts.length));
  const hasLeaks = found.length > 0;
  const none = `None of ${prompts.length} prompts shares a run of eight words with ${rows} training rows.`;
  return { prompts: prompts.length, rows, lines: hasLeaks ? found : [none], hasLeaks };
}

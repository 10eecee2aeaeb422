/** The adapters that can be asked of the model that is open: the one just trained, and those of the runs that are kept. */
import { formatDate } from '../format.ts';
import type { Run } from './run.ts';
import type { SetUp } from './set-up.ts';
import type { StoredRuns } from './stored-runs.ts';

export interface AdapterOption {
  readonly value: string; // "none", "current", "run:<id>"
  readonly label: string;
}

interface Sources {
  readonly setUp: SetUp;
  readonly run: Run;
  readonly storedRuns: StoredRuns;
}

export function adapterOptionsOf({ setUp, run, storedRuns }: Sources): AdapterOption[] {
  const model = setUp.model.report.value?.name;
  const isUnkept = run.id.value === null && run.latest.value !== null;
  return [
    { value: 'none', label: 'None: the base model alone' },
    ...(isUnkept ? [{ value: 'current', label: 'The adapter just trained' }] : []),
    ...storedRuns.list.value
      .filter((stored) => stored.step > 0 && stored.model.name === model)
      .map(({ id, title, dataset, createdMs, step }) => ({
        value: `run:${id}`,
        label: `${title || dataset.name}, step ${step}, ${formatDate(createdMs)}`,
      })),
  ];
}

/** The chosen one, else that of the run that is shown, else none. */
export function adapterValueOf(
  options: readonly AdapterOption[],
  { run }: Pick<Sources, 'run'>,
  chosen: string | null,
): string {
  const values = options.map(({ value }) => value);
  const shown = run.id.value === null ? 'current' : `run:${run.id.value}`;
  return [chosen, shown].find((value) => value !== null && values.includes(value)) ?? 'none';
}

/** The run bundle of a run that the page has: its data are looked for where they may be, and are the run's own or refused. */
import type { DatasetSource } from '../api/trainer-api.ts';
import type { StoredRun } from '../api/stored-runs.ts';
import { datasetSettings, sameDatasetSettings } from '../config/dataset-settings.ts';
import { requireRunConfig, type RunConfig } from '../config/run-config.ts';
import { bundleFiles } from '../exporters/bundle/bundle.ts';
import type { ExportFile } from '../exporters/export-file.ts';
import type { ExportSubject } from '../exporters/subject.ts';
import type { RunStore } from '../runs/run-store.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { bundleContent } from './bundle.ts';
import type { Dataset } from './dataset.ts';
import type { Model } from './model.ts';
import { dataDigest } from './run-identity.ts';

export interface BundlePlaces {
  readonly model: Model; // the run's
  readonly dataset: Dataset | null; // that is open
  readonly run: StoredRun | null; // as the store has it
  readonly runs: RunStore | null;
  /** Of the run's data; null: not known. */
  readonly digest: string | null;
}

/** @throws TrainerError "not-ready" where the data are not at hand, "nothing-to-export" */
export async function runBundle(subject: ExportSubject, places: BundlePlaces): Promise<ExportFile[]> {
  const { model, run, digest } = places;
  const config = configOf(subject);
  const dataset = await runDataset(config, places);
  const startedFrom = run?.startedFrom ?? null;
  return bundleFiles(
    await bundleContent({
      config,
      base: subject.base,
      model: model.loaded.config,
      examples: dataset.examples,
      data: { name: dataset.report.name, source: run?.dataset.source ?? dataset.source },
      digest,
      initAdapter: null,
      startedFrom,
      trained: subject.modules,
      assets: model.engine.trainer.host.assets,
    }),
  );
}

function configOf({ records }: ExportSubject): RunConfig {
  const bytes = records.get('run_config.json');
  if (bytes === undefined)
    throw new TrainerError(
      'nothing-to-export',
      'A bundle is made of a run, and how this adapter was trained is not known.',
    );
  return requireRunConfig(JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>);
}

/** What is open, what was kept with the run, what is built in: the first that is the run's. */
async function runDataset(config: RunConfig, places: BundlePlaces): Promise<Dataset> {
  const { digest } = places;
  for (const open of await candidates(config, places)) {
    const dataset = await open();
    if (digest === null || (await dataDigest(dataset.examples)) === digest) return dataset;
  }
  const name = places.run?.dataset.name ?? 'the dataset of the run';
  throw new TrainerError(
    'not-ready',
    `A bundle holds the data, and those of this run are not at hand: open ${name} under “Data” first${digest === null ? '' : ` (its tokens have the digest ${digest})`}.`,
  );
}

async function candidates(
  config: RunConfig,
  { model, dataset, run, runs }: BundlePlaces,
): Promise<(() => Promise<Dataset>)[]> {
  const settings = datasetSettings(config);
  const read = (source: DatasetSource) => (): Promise<Dataset> => model.readDataset(source, settings);
  const isKept = run !== null && ((await runs?.datasetBytes(run.id)) ?? 0) > 0;
  return [
    ...(dataset === null
      ? []
      : [
          sameDatasetSettings(dataset.settings, settings)
            ? () => Promise.resolve(dataset)
            : read(dataset.source),
        ]),
    ...(isKept ? [read({ kind: 'stored', name: run.dataset.name, runId: run.id })] : []),
    ...(run?.dataset.source.kind === 'builtin' ? [read(run.dataset.source)] : []),
  ];
}

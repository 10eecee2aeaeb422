/** What a run bundle is made of, as `npm run export` is told it: a run's folder or settings, a model's folder, a dataset. */
import { resolve } from 'node:path';
import { openSafetensors } from '../../src/adapter/safetensors.ts';
import { datasetSettings } from '../../src/config/dataset-settings.ts';
import { requireRunConfig, type RunConfig } from '../../src/config/run-config.ts';
import { prepareDataset } from '../../src/data/dataset.ts';
import { createChatTokenizer } from '../../src/data/tokenizer.ts';
import type { BundleContent } from '../../src/exporters/bundle/bundle.ts';
import type { ExportSubject } from '../../src/exporters/subject.ts';
import { checkpointName } from '../../src/headless/commands.ts';
import { diskSource } from '../../src/host/node/disk-source.ts';
import { fileInside } from '../../src/host/node/mounts.ts';
import { nodeHost } from '../../src/host/node/node-host.ts';
import { parseModelConfig } from '../../src/model/model-config.ts';
import { readJson, type ModelFiles } from '../../src/model/model-files.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { bundleContent } from '../../src/trainer/bundle.ts';
import { readAdapterPlace } from './adapter-input.ts';
import { openDataset } from './dataset-files.ts';
import type { ExportOptions } from './export-args.ts';
import { datasetInput, hubAccess, tokenizerFiles } from './inputs.ts';
import { publicFolder } from './paths.ts';
import { createProgressView } from './progress.ts';
import { resolveRunConfig } from './settings.ts';

/** `say`: told of what was given and has no effect. @throws TrainerError */
export async function readBundle(
  { folder, model: modelName, bundle }: ExportOptions,
  subject: ExportSubject | null,
  model: ModelFiles,
  say: (line: string) => void,
): Promise<BundleContent> {
  const digest = folder === null ? null : await digestInCheckpoint(resolve(folder));
  const { dataset, hubUrl, initAdapterFolder } = bundle;
  if (dataset === null) throw noData(digest);
  const config =
    subject === null
      ? await resolveRunConfig({ ...bundle, isDemo: modelName === 'demo', checkpointPath: null }, say)
      : configOf(subject);
  const { served } = datasetInput(dataset, hubAccess(hubUrl));
  const name = served.kind === 'hub' ? served.id : served.name;
  const modelConfig = parseModelConfig(await readJson(model, 'config.json'));
  const view = createProgressView(process.stderr);
  try {
    const prepared = await prepareDataset(
      await openDataset(dataset, hubAccess(hubUrl)),
      createChatTokenizer(await tokenizerFiles(modelName ?? '')),
      datasetSettings(config),
      { onProgress: (progress) => view.show({ kind: 'load', progress }) },
    );
    return await bundleContent({
      config,
      base: subject?.base ?? model.base,
      model: modelConfig,
      examples: prepared.examples,
      data: { name, source: served },
      digest,
      initAdapter: initAdapterFolder === null ? null : readAdapterPlace(initAdapterFolder),
      startedFrom: null,
      trained: subject?.modules ?? null,
      assets: nodeHost({ gpu: undefined, publicFolder, cacheFolder: null }).assets,
    });
  } finally {
    view.end();
  }
}

const noData = (digest: string | null): TrainerError =>
  new TrainerError(
    'config-invalid',
    `--format bundle needs the data: --dataset <file | name | hf://…>.${digest === null ? '' : ` The run's have the digest ${digest}, and others are refused.`}`,
  );

function configOf({ records }: ExportSubject): RunConfig {
  const bytes = records.get('run_config.json');
  if (bytes === undefined)
    throw new TrainerError(
      'nothing-to-export',
      'There is no run_config.json with this adapter, so how it was trained is not known: give the folder of a run.',
    );
  return requireRunConfig(JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>);
}

/** What the run's checkpoint remembers of its data; null: there is none, or it is one that knew names only. */
async function digestInCheckpoint(folder: string): Promise<string | null> {
  const path = fileInside(folder, checkpointName);
  const source = path === null ? null : diskSource(path);
  if (source === null) return null;
  const { metadata } = await openSafetensors(source);
  return metadata['data'] ?? null;
}

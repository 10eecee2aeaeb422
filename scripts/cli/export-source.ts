/** What `npm run export` reads: a run's folder or an adapter's, and the folder of the base. */
import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { openSafetensors } from '../../src/adapter/safetensors.ts';
import type { ModelShape } from '../../src/adapter/ggml.ts';
import type { ExportSubject } from '../../src/exporters/subject.ts';
import { checkpointName } from '../../src/headless/commands.ts';
import { diskSource } from '../../src/host/node/disk-source.ts';
import { fileInside } from '../../src/host/node/mounts.ts';
import type { ModelFiles } from '../../src/model/model-files.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { describeModel, exportSubject } from '../../src/trainer/export-subject.ts';
import { readAdapterPlace } from './adapter-input.ts';
import { isFolder } from './files.ts';
import { demoFolder, modelInput, reasonOf } from './inputs.ts';

const recordNames = ['README.md', 'metrics.jsonl', 'run_config.json'];

/** "demo" or a folder. @throws TrainerError "model-file-missing" */
export function modelFolder(name: string): ModelFiles {
  const { served } = modelInput(name);
  if (served.kind === 'hub')
    throw new TrainerError(
      'model-file-missing',
      `--model ${name} is no folder of this machine: download the model first.`,
    );
  const folder = name === 'demo' ? demoFolder : resolve(name);
  return {
    name: basename(folder),
    base: { nameOrPath: name === 'demo' ? 'demo' : folder, revision: null },
    open: (file) => {
      const path = fileInside(folder, file);
      return Promise.resolve(path === null ? null : diskSource(path));
    },
  };
}

export async function readSubject(folder: string, model: ModelFiles | null): Promise<ExportSubject> {
  const adapter = readAdapterPlace(folder);
  const records = recordNames.flatMap((name) => {
    const path = isFolder(folder) ? fileInside(folder, name) : null;
    return path === null ? [] : [[name, readFileSync(path)] as const];
  });
  const about =
    model === null
      ? { model: await shapeInCheckpoint(folder), chatTemplate: null }
      : await describeModel(model);
  const subject = await exportSubject(adapter, { ...about, records: new Map(records) });
  if (subject.base.nameOrPath === '' && model !== null) return { ...subject, base: model.base };
  if (model !== null || subject.base.nameOrPath !== 'demo') return subject;
  return { ...subject, ...(await describeModel(modelFolder('demo'))) };
}

/** A run's checkpoint remembers the configuration of its model; null: there is none. */
async function shapeInCheckpoint(folder: string): Promise<ModelShape | null> {
  const path = isFolder(folder) ? fileInside(folder, checkpointName) : null;
  const source = path === null ? null : diskSource(path);
  if (source === null) return null;
  try {
    const { metadata } = await openSafetensors(source);
    return JSON.parse(metadata['model_config'] ?? 'null') as ModelShape | null;
  } catch (error) {
    throw new TrainerError(
      'checkpoint-invalid',
      `${join(folder, checkpointName)} cannot be read: ${reasonOf(error)}`,
    );
  }
}

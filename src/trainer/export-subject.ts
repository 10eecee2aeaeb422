/** What is to be exported, from an adapter's files and, where it is known, the folder of its base. */
import { adapterConfigName, adapterWeightNames } from '../adapter/adapter-files.ts';
import type { BaseModelName } from '../adapter/peft.ts';
import type { ExportedFile } from '../api/exports.ts';
import type { AdapterFiles } from '../api/trainer-api.ts';
import { templateText } from '../data/tokenizer.ts';
import { readTokenizerFiles } from '../data/tokenizer-folder.ts';
import type { BaseFolder } from '../exporters/merged.ts';
import type { ModelShape } from '../adapter/ggml.ts';
import type { ExportSubject, TrainedAdapter } from '../exporters/subject.ts';
import { openCheckpoint } from '../model/checkpoint.ts';
import { parseModelConfig } from '../model/model-config.ts';
import { readJson, readOptionalText, type ModelFiles } from '../model/model-files.ts';
import { readAdapter } from './read-adapter.ts';
import { adapterFilesOf } from './stored-runs.ts';

const adapterNames: readonly string[] = [adapterConfigName, adapterWeightNames[0]];

/** What is known besides the adapter's own files. */
export interface AboutAdapter {
  readonly model: ModelShape | null;
  readonly chatTemplate: string | null;
  /** Of its run: model card, metrics and settings, by their file names. */
  readonly records: ReadonlyMap<string, Uint8Array>;
}

/** @throws TrainerError "adapter-invalid" */
export async function exportSubject(adapter: AdapterFiles, about: AboutAdapter): Promise<ExportSubject> {
  const { settings, modules } = await readAdapter(adapter, about.model);
  return { settings, modules, base: await baseOfAdapter(adapter), ...about };
}

/** From the files of a download. @throws TrainerError "adapter-invalid", "nothing-to-export" */
export function adapterInFiles(files: readonly ExportedFile[]): Promise<TrainedAdapter> {
  const records = files.filter(({ name }) => !adapterNames.includes(name));
  return exportSubject(adapterFilesOf('The adapter', files), {
    model: null,
    chatTemplate: null,
    records: new Map(records.map(({ name, bytes }) => [name, bytes])),
  });
}

/** As its config names it, after it has been read without complaint. */
export async function baseOfAdapter({ config }: AdapterFiles): Promise<BaseModelName> {
  if (config === null) return { nameOrPath: '', revision: null };
  const {
    base_model_name_or_path: peft,
    model: mlx,
    revision,
  } = JSON.parse(await config.text()) as Record<string, unknown>;
  const name = peft ?? mlx;
  return {
    nameOrPath: typeof name === 'string' ? name : '',
    revision: typeof revision === 'string' ? revision : null,
  };
}

/** Sizes and template of a model's folder. @throws TrainerError "model-file-missing", "model-unsupported", … */
export async function describeModel(
  files: ModelFiles,
): Promise<{ readonly model: ModelShape; readonly chatTemplate: string | null }> {
  const model = parseModelConfig(await readJson(files, 'config.json'));
  const tokenizer = await readTokenizerFiles(`The model "${files.name}"`, (name) =>
    readOptionalText(files, name),
  );
  return { model, chatTemplate: templateText(tokenizer) };
}

/** The weights of a base, checked against its config.json, to merge an adapter into. */
export async function openBase(files: ModelFiles): Promise<BaseFolder> {
  const config = parseModelConfig(await readJson(files, 'config.json'));
  const { lookup, files: shards } = await openCheckpoint(files, config);
  return { shards, open: (name) => files.open(name), weightName: (name) => lookup(name)?.name };
}

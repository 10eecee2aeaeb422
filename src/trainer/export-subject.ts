/** What is to be exported, from an adapter's files and, where it is known, the folder of its base. */
import type { BaseModelName } from '../adapter/peft.ts';
import type { ExportedFile } from '../api/trainer-api.ts';
import { templateText } from '../data/tokenizer.ts';
import { readTokenizerFiles } from '../data/tokenizer-folder.ts';
import type { BaseFolder } from '../exporters/merged.ts';
import type { ExportSubject, ModelShape } from '../exporters/subject.ts';
import { openCheckpoint } from '../model/checkpoint.ts';
import { parseModelConfig } from '../model/model-config.ts';
import { readJson, readOptionalText, type ModelFiles } from '../model/model-files.ts';
import { readAdapter } from './read-adapter.ts';
import { adapterFilesOf } from './stored-runs.ts';

const weightNames: readonly string[] = ['adapter_config.json', 'adapter_model.safetensors'];

/** @param files a PEFT adapter with whatever of its run lies beside it. @throws TrainerError "adapter-invalid" */
export async function exportSubject(
  name: string,
  files: readonly ExportedFile[],
  about: { readonly model: ModelShape | null; readonly chatTemplate: string | null },
): Promise<ExportSubject> {
  const adapter = adapterFilesOf(name, files);
  const { settings, modules } = await readAdapter(adapter);
  return {
    settings,
    modules,
    base: baseOf(await adapter.config.text()),
    ...about,
    records: new Map(
      files.filter((file) => !weightNames.includes(file.name)).map((file) => [file.name, file.bytes]),
    ),
  };
}

/** As the config names it, after it has been read without complaint. */
function baseOf(config: string): BaseModelName {
  const {
    base_model_name_or_path: peft,
    model: mlx,
    revision,
  } = JSON.parse(config) as Record<string, unknown>;
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

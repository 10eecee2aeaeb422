/**
 * Dropping anywhere on the page: a file is a dataset, or a GGUF adapter for the playground; a folder, or several files, are a model, an
 * adapter, a run that was trained elsewhere, or a dataset where they hold rows and no model.
 */
import { signal } from '@preact/signals';
import { isDataFile } from '../config/data-files.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { droppedFiles } from './dropped-files.ts';
import type { AppState } from './state/app-state.ts';
import type { SetUp } from './state/set-up.ts';

/** A file is being dragged over the page. */
export const isDraggingFile = signal(false);

export function installPageDrop(app: AppState): void {
  let depth = 0; // dragenter and dragleave come in pairs for every element crossed
  const end = (): void => {
    depth = 0;
    isDraggingFile.value = false;
  };
  window.addEventListener('dragenter', (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    isDraggingFile.value = true;
  });
  window.addEventListener('dragleave', () => {
    depth -= 1;
    if (depth <= 0) end();
  });
  window.addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault(); // without this the browser opens the file instead
  });
  window.addEventListener('drop', (event) => {
    end();
    if (!hasFiles(event)) return;
    event.preventDefault();
    void takeDrop(app, event.dataTransfer);
  });
}

const hasFiles = (event: DragEvent): event is DragEvent & { dataTransfer: DataTransfer } =>
  event.dataTransfer?.types.includes('Files') ?? false;

async function takeDrop(app: AppState, transfer: DataTransfer): Promise<void> {
  try {
    const { folder, files } = await droppedFiles(transfer);
    await (folder === null ? takeLoose(app, files) : takeFolder(app, folder, files));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The browser could not read the folder: ${reason}`;
    app.setUp.refuseModel('the folder', new TrainerError('model-file-missing', message));
  }
}

const ofModels = /^(config|tokenizer|tokenizer_config)\.json$|\.(safetensors|bin|gguf)$/;

type DropTarget = Pick<AppState, 'useModel' | 'useAdapter' | 'useDatasetFile' | 'openRun'> & {
  readonly setUp: Pick<SetUp, 'refuseDataset'>;
};

/** As the Trainer of transformers leaves one, with its adapter or without. */
const isRun = (files: readonly File[]): boolean => files.some(({ name }) => name === 'trainer_state.json');

/** As PEFT saves one: without a model beside it. */
const isAdapter = (files: readonly File[]): boolean =>
  files.some(({ name }) => name === 'adapter_config.json') &&
  !files.some(({ name }) => name === 'config.json');

/** What `takeDrop` does with the files of a folder. */
export async function takeFolder(app: DropTarget, name: string, files: readonly File[]): Promise<void> {
  if (isRun(files)) return app.openRun(files);
  if (isAdapter(files)) return app.useAdapter(name, files);
  const rows = files.filter((file) => isDataFile(file.name));
  if (files.some((file) => ofModels.test(file.name)) || rows.length === 0)
    return app.useModel({ kind: 'files', name, files });
  return takeRows(app, `The folder "${name}"`, rows);
}

/** Files that were dropped without their folder: what they are together, as those of a folder. */
export async function takeLoose(app: DropTarget, files: readonly File[]): Promise<void> {
  if (isRun(files)) return app.openRun(files);
  const isGguf = files.length === 1 && /\.gguf$/i.test(files[0].name);
  if (isGguf || isAdapter(files)) return app.useAdapter(isGguf ? files[0].name : 'the dropped files', files);
  const isModel = files.length > 1 && files.some(({ name }) => name === 'config.json');
  if (isModel) return app.useModel({ kind: 'files', name: 'the dropped files', files });
  return takeRows(app, 'What was dropped', files);
}

/** One file. Which of several is meant nobody can know. */
async function takeRows(
  app: Pick<DropTarget, 'useDatasetFile' | 'setUp'>,
  what: string,
  files: readonly File[],
): Promise<void> {
  if (files.length === 1) return app.useDatasetFile(files[0]);
  if (files.length === 0) return;
  const names = files.map((file) => file.name).join(', ');
  const message = `${what} holds ${files.length} files (${names}). Drop the one that is to be trained on.`;
  app.setUp.refuseDataset(what, new TrainerError('dataset-ambiguous', message));
}

/** The same selection for a folder chosen with `<input webkitdirectory>`. */
export function folderSelection(list: FileList): { name: string; files: File[] } {
  const files = [...list].filter((file) => file.webkitRelativePath.split('/').length <= 2);
  return { name: list[0]?.webkitRelativePath.split('/')[0] || 'local model', files };
}

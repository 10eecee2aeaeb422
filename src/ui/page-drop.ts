/**
 * Dropping anywhere on the page: a file is a dataset, a folder is a model, an adapter for the playground, a run that was trained
 * elsewhere, or a dataset where it holds rows and no model.
 */
import { signal } from '@preact/signals';
import { isDataFile } from '../config/data-files.ts';
import { TrainerError } from '../support/trainer-error.ts';
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
  // Both lists are emptied when the event ends: read them before the first await.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const files = [...transfer.files];
  const folder = entries.find((entry) => entry?.isDirectory);
  if (!folder) return takeRows(app, 'What was dropped', files);
  try {
    await takeFolder(app, folder.name, await filesOf(folder));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The browser could not read the folder "${folder.name}": ${reason}`;
    app.setUp.refuseModel(folder.name, new TrainerError('model-file-missing', message));
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

/** One file. Which of several is meant nobody can know. */
async function takeRows(
  app: Omit<DropTarget, 'useModel'>,
  what: string,
  files: readonly File[],
): Promise<void> {
  if (isRun(files)) return app.openRun(files);
  if (files.length === 1) return app.useDatasetFile(files[0]);
  if (files.length === 0) return;
  const names = files.map((file) => file.name).join(', ');
  const message = `${what} holds ${files.length} files (${names}). Drop the one that is to be trained on.`;
  app.setUp.refuseDataset(what, new TrainerError('dataset-ambiguous', message));
}

/** The files directly in a folder: those of a subfolder may be another model's checkpoint. */
async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: File[] = [];
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (batch.length === 0) return files; // a reader hands out at most 100 entries at a time
    for (const child of batch) {
      if (child.isFile)
        files.push(
          await new Promise<File>((resolve, reject) => (child as FileSystemFileEntry).file(resolve, reject)),
        );
    }
  }
}

/** The same selection for a folder chosen with `<input webkitdirectory>`. */
export function folderSelection(list: FileList): { name: string; files: File[] } {
  const files = [...list].filter((file) => file.webkitRelativePath.split('/').length <= 2);
  return { name: list[0]?.webkitRelativePath.split('/')[0] || 'local model', files };
}

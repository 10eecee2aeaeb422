/** Dropping anywhere on the page: a file is a dataset, a folder is a model. */
import { signal } from '@preact/signals';
import type { AppState } from './state/app-state.ts';

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
  const file = transfer.files[0];
  const folder = entries.find((entry) => entry?.isDirectory);
  if (folder) return app.useModel({ kind: 'files', name: folder.name, files: await filesOf(folder) });
  if (file) return app.useDatasetFile(file);
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

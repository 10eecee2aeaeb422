/** What a drop holds: loose files, or the files of a folder. */

export interface Dropped {
  /** Of the first folder; null: loose files. */
  readonly folder: string | null;
  readonly files: File[];
}

/**
 * Of a folder the files directly in it: those of a subfolder may be another model's checkpoint. The event's lists are emptied when it
 * ends, so they are read before the first wait.
 */
export async function droppedFiles(transfer: DataTransfer): Promise<Dropped> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const files = [...transfer.files];
  const folder = entries.find((entry) => entry?.isDirectory) as FileSystemDirectoryEntry | undefined;
  if (folder === undefined) return { folder: null, files };
  return { folder: folder.name, files: await filesIn(folder) };
}

async function filesIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const files: File[] = [];
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (batch.length === 0) return files; // a reader hands out at most 100 entries at a time
    for (const child of batch)
      if (child.isFile)
        files.push(
          await new Promise<File>((resolve, reject) => (child as FileSystemFileEntry).file(resolve, reject)),
        );
  }
}

/** Whole files of the origin private file system, and what its refusals mean. */
import { TrainerError } from '../api/trainer-error.ts';

/** @throws TrainerError "storage-full" or "storage-unavailable" */
export async function storage<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw storageError(error);
  }
}

function storageError(error: unknown): TrainerError {
  if (error instanceof TrainerError) return error;
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'QuotaExceededError')
    return new TrainerError('storage-full', 'There is no room left to keep this model.', String(error));
  return new TrainerError(
    'storage-unavailable',
    'The browser’s storage for this page cannot be used.',
    String(error),
  );
}

/** Workers have it, and the page's types do not know it. */
interface WritableInWorker {
  createSyncAccessHandle(): Promise<{
    write(bytes: Uint8Array, options: { readonly at: number }): number;
    flush(): void;
    close(): void;
  }>;
}

/** In a dedicated worker. On disk when it returns. */
export function writeWhole(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  return storage(async () => {
    const file: unknown = await folder.getFileHandle(name, { create: true });
    const access = await (file as WritableInWorker).createSyncAccessHandle();
    try {
      let written = 0;
      while (written < bytes.length) {
        const left = bytes.length - written;
        const count = access.write(bytes.subarray(written), { at: written });
        // A full disk is not always an exception: Chromium 156 returns 4294967288, its error −8 read as unsigned.
        if (count === 0 || count > left)
          throw new DOMException('nothing more is taken', 'QuotaExceededError');
        written += count;
      }
      access.flush();
    } finally {
      access.close();
    }
  });
}

export async function readWhole(folder: FileSystemDirectoryHandle, name: string): Promise<Uint8Array> {
  const file = await folder.getFileHandle(name);
  return new Uint8Array(await (await file.getFile()).arrayBuffer());
}

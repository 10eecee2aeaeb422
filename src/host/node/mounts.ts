/**
 * Folders and files of this machine that a run may read under an address. A folder may come from a stranger: no spelling of
 * an address and no link in it leads out, except where the hub's cache keeps a snapshot's files, in the folder of blobs beside it.
 */
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';

/** A folder or a file of this machine that addresses which begin with `prefix` mean. */
export interface Mount {
  readonly prefix: string; // "local/model"
  readonly path: string;
}

/** The mount an address belongs to, and what of the address is left. */
export function mountOf<M extends Mount>(
  mounts: readonly M[],
  address: string,
): { readonly mount: M; readonly rest: string } | null {
  const mount = mounts.find(({ prefix }) => address === prefix || address.startsWith(`${prefix}/`));
  return mount === undefined ? null : { mount, rest: address.slice(mount.prefix.length + 1) };
}

/**
 * The file, without a link in its path, that `rest` means in a folder, or the mounted file itself where `rest` is empty.
 * null: there is none, or it lies elsewhere.
 */
export function fileInside(path: string, rest: string): string | null {
  if (rest.includes('\0') || rest.split(/[/\\]/).includes('..')) return null;
  try {
    const root = realpathSync(path);
    if (rest === '') return statSync(root).isFile() ? root : null;
    const found = realpathSync(join(root, rest.split('/').join(sep)));
    const isInside = isBelow(root, found) || blobFolders(root).some((folder) => isBelow(folder, found));
    return isInside && statSync(found).isFile() ? found : null;
  } catch {
    return null;
  }
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** models--owner--name/snapshots/<commit>/config.json links to models--owner--name/blobs/<hash>. */
function blobFolders(root: string): readonly string[] {
  if (basename(dirname(root)) !== 'snapshots') return [];
  const blobs = join(dirname(dirname(root)), 'blobs');
  try {
    return realpathSync(blobs) === blobs ? [blobs] : [];
  } catch {
    return [];
  }
}

/**
 * Where results go, nothing leads elsewhere: `--out` may name a place that a stranger has prepared (a shared /tmp, an unpacked
 * archive), with links under the names of results. The folders above what was named are the user's business.
 */
import { constants, lstatSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Beside a file, what becomes it. */
export const partOf = (path: string): string => `${path}.part`;

/** Why a result called `name` ("checkpoint/a.bin") must not be written below `folder`; null: it may. What is missing is no hindrance. */
export function whyNotBelow(folder: string, name: string): string | null {
  const between = name.split('/').slice(0, -1);
  for (let depth = 0; depth <= between.length; depth++) {
    const path = join(folder, ...between.slice(0, depth));
    const found = lookAt(path);
    if (found === null) return null;
    if (found.isSymbolicLink()) return `${path} is a link, and links are not followed: name what it leads to`;
    if (!found.isDirectory()) return `${path} is a file`;
  }
  return whyNotFile(join(folder, name));
}

/** The same for a file that was named itself. */
export function whyNotFile(path: string): string | null {
  const found = lookAt(path);
  if (found?.isSymbolicLink()) return `${path} is a link, and links are not followed: name what it leads to`;
  if (found !== null && !found.isFile()) return `${path} is not a file`;
  return lookAt(partOf(path))?.isDirectory() ? `${partOf(path)} is a folder` : null;
}

const lookAt = (path: string) => lstatSync(path, { throwIfNoEntry: false }) ?? null;

/**
 * Opens `<path>.part` as a new file: a link, a pipe or another name of some file that lies there is taken away, not opened.
 * A file that is moved over `path` later ends its names in the same way. @throws Error of the file system
 */
export function openPart(path: string): number {
  const part = partOf(path);
  rmSync(part, { force: true });
  return openSync(part, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow, 0o666);
}

/** Windows has no such flag, and asks for a privilege to make links. */
export const noFollow: number = constants.O_NOFOLLOW ?? 0;

/** The download as one zip. Weights are stored as they are: they do not compress, and 16 MB should not take seconds. */
import { zipSync, type Zippable } from 'fflate';
import type { ExportedFile } from '../api/exports.ts';

/** @param modifiedAt the date the files carry */
export function zipFiles(files: readonly ExportedFile[], modifiedAt: Date = new Date()): Blob {
  const entries: Zippable = {};
  for (const { name, bytes } of files) {
    if (Object.hasOwn(entries, name)) throw new Error(`two files of the download are called ${name}`);
    entries[name] = [bytes, { level: name.endsWith('.safetensors') ? 0 : 6, mtime: modifiedAt }];
  }
  return new Blob([zipSync(entries)], { type: 'application/zip' });
}

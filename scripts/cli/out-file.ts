/** The one file that a command's `--out` names. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { reasonOf } from './inputs.ts';
import { whyNotFile } from './own-path.ts';
import { writeWhole } from './write-whole.ts';

const refused = (path: string, reason: string): TrainerError =>
  new TrainerError('config-invalid', `--out ${path} cannot be written: ${reason.replace(/\.$/, '')}.`);

/** Asked before the work of hours that ends in it. @throws TrainerError "config-invalid" saying why it cannot be written */
export function requireOutFile(path: string): void {
  const hindrance = whyNotFile(path);
  if (hindrance !== null) throw refused(path, hindrance);
}

/** With its folders. @throws TrainerError "config-invalid" */
export function writeOutFile(path: string, content: string): void {
  requireOutFile(path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, content);
  } catch (error) {
    throw refused(path, reasonOf(error));
  }
}

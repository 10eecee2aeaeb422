/** The folder of a run's results, looked at before anything starts: a run of hours must not end in what could be seen at once. */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { reasonOf } from './inputs.ts';
import { whyNotBelow } from './own-path.ts';

/** Makes it where it is missing. @throws TrainerError "config-invalid" where `names` could not be written into it */
export function prepareOutFolder(out: string, names: readonly string[]): void {
  const refused = (reason: string): TrainerError =>
    new TrainerError('config-invalid', `--out ${out} cannot be used: ${reason.replace(/\.$/, '')}.`);
  for (const name of names) {
    const hindrance = whyNotBelow(out, name);
    if (hindrance !== null) throw refused(hindrance);
  }
  try {
    mkdirSync(out, { recursive: true });
    accessSync(out, constants.W_OK | constants.X_OK); // also says EROFS of a read-only file system
    for (const folder of new Set(names.map((name) => dirname(join(out, name)))))
      if (existsSync(folder)) accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw refused(reasonOf(error));
  }
}

/** @throws TrainerError "config-invalid" */
export function refuseFilesThere(out: string, names: readonly string[]): void {
  const there = names.find((name) => existsSync(join(out, name)));
  if (there === undefined) return;
  throw new TrainerError('config-invalid', `${join(out, there)} is there already: --overwrite replaces it.`);
}

/** A run of hours is not replaced by one that was started in its folder. @throws TrainerError "config-invalid" */
export function refuseHeldRun(out: string): void {
  const held = ['adapter_model.safetensors', 'checkpoint/checkpoint.safetensors'].find((name) =>
    existsSync(join(out, name)),
  );
  if (held === undefined) return;
  throw new TrainerError(
    'config-invalid',
    `--out ${out} holds a run already (${held}). Give another folder, go on with that run (--resume), or replace it (--overwrite).`,
  );
}

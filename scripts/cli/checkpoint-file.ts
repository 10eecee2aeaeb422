/** The checkpoint of a run folder, as far as the command line looks into it before anything is started. */
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { openSafetensors } from '../../src/adapter/safetensors.ts';
import { bytesSource } from '../../src/support/byte-source.ts';
import type { RawRunConfig } from '../../src/config/run-config.ts';
import { checkpointName, formerCheckpointName } from '../../src/headless/commands.ts';
import { checkpointSettings, requireWhole } from '../../src/trainer/checkpoint.ts';
import { isFile, isFolder } from './files.ts';
import { reasonOf } from './inputs.ts';

export interface CheckpointHead {
  readonly step: number;
  readonly settings: RawRunConfig; // a run continues with its own settings unless told otherwise
}

/** @throws TrainerError "checkpoint-invalid" */
export async function readCheckpointHead(path: string): Promise<CheckpointHead> {
  try {
    const bytes = await readFile(path);
    await requireWhole(bytes);
    const { metadata } = await openSafetensors(bytesSource(bytes));
    return { settings: checkpointSettings(metadata), step: Number(metadata['step']) };
  } catch (error) {
    throw new TrainerError(
      'checkpoint-invalid',
      `${path} is not a usable checkpoint, and is left as it is: ${reasonOf(error)}`,
    );
  }
}

/**
 * Where `--resume` goes on from: the newest checkpoint of the folder that is whole. `say`: told where that is not the newest.
 * @throws TrainerError "checkpoint-invalid" saying what is there instead
 */
export async function checkpointOf(out: string, say: (line: string) => void): Promise<string> {
  const path = join(out, checkpointName);
  const former = join(out, formerCheckpointName);
  if (!isFile(path) && !isFile(former))
    throw new TrainerError('checkpoint-invalid', `--resume: there is no ${path}. ${whatIsThere(out)}`);
  try {
    await readCheckpointHead(path);
    return path;
  } catch (error) {
    if (!isFile(former)) throw error;
    const { step } = await headOf(former, error);
    say(`${reasonOf(error)} Going on from the one before it, of step ${step}.`);
    return former;
  }
}

/** @throws `otherwise` where it is no usable checkpoint either */
async function headOf(former: string, otherwise: unknown): Promise<CheckpointHead> {
  try {
    return await readCheckpointHead(former);
  } catch {
    throw otherwise;
  }
}

function whatIsThere(out: string): string {
  if (!existsSync(out)) return `${out} does not exist; start without --resume.`;
  if (!isFolder(out)) return `${out} is not a folder.`;
  if (isFile(join(out, 'adapter_model.safetensors')))
    return `The folder holds an adapter without the optimizer's state: --init-adapter ${out} with another --out trains it further.`;
  const names = readdirSync(out);
  if (names.length === 0) return 'The folder is empty; start without --resume.';
  const listed = names.slice(0, 5).join(', ');
  return `The folder holds ${listed}${names.length > 5 ? ` and ${names.length - 5} more` : ''}, none of them a run; start without --resume.`;
}

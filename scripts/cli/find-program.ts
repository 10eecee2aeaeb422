/** Where a program is on this machine: where a variable says, on the PATH, or where it is usually installed. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { env, platform } from 'node:process';
import { TrainerError } from '../../src/support/trainer-error.ts';

export interface FoundProgram {
  readonly path: string;
  readonly foundBy: string; // the variable's name, "PATH" or "usual place"
}

interface Search {
  /** Environment variable that names the program. */
  readonly variable: string;
  readonly namesOnPath: readonly string[];
  readonly usualPlaces: readonly string[];
}

/** @throws when the variable is set and names no program: a wrong setting is never replaced silently. */
export function findProgram({ variable, namesOnPath, usualPlaces }: Search): FoundProgram | null {
  const wanted = env[variable];
  if (wanted) {
    if (!isExecutable(wanted))
      throw new TrainerError(
        'config-invalid',
        `${variable} is ${wanted}, which is not a program. Correct it or unset it.`,
      );
    return { path: wanted, foundBy: variable };
  }
  const ending = platform === 'win32' ? '.exe' : '';
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    for (const name of namesOnPath) {
      const path = join(folder, name + ending);
      if (isExecutable(path) && starts(path)) return { path, foundBy: 'PATH' };
    }
  }
  for (const path of usualPlaces) {
    if (isExecutable(path) && starts(path)) return { path, foundBy: 'usual place' };
  }
  return null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Ubuntu's chromium-browser is a script that only says "install the snap": ask for the version before believing it. */
function starts(path: string): boolean {
  if (platform !== 'linux') return true; // on Windows --version opens a window
  return spawnSync(path, ['--version'], { timeout: 20_000, stdio: 'ignore' }).status === 0;
}

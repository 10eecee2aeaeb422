/** The project's commands: as a user writes them, and as one of them starts another. */
import { join } from 'node:path';
import { cliFolder, isPackage, projectRoot } from './paths.ts';

/** "npm run train --" or, of an installed package, "npx alttrain-web train". Its options follow. */
export function asTyped(command: string): string {
  if (isPackage) return `npx alttrain-web ${command}`;
  return command === 'start' ? 'npm start --' : `npm run ${command} --`;
}

/** What a process of its own is given to run `command` with the arguments that follow. */
export const nodeArguments = (command: string): readonly string[] =>
  isPackage
    ? [join(cliFolder, 'cli.js'), command]
    : [...typescript, join(projectRoot, `scripts/${command}.ts`)];

/** The same for a program of scripts/cli that is bundled by its name. */
export const nodeProgram = (name: string): readonly string[] =>
  isPackage ? [join(cliFolder, `${name}.js`)] : [...typescript, join(projectRoot, `scripts/cli/${name}.ts`)];

/** Node finds tsx from here, so a checkout's programs are started in its folder, as npm does it. */
export const startFolder = (): string => (isPackage ? process.cwd() : projectRoot);

const typescript = ['--import', 'tsx'] as const;

#!/usr/bin/env node
/** `npx alttrain-web <command>`: the commands of the package. In a checkout each is an npm script. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closest } from '../src/config/closest.ts';
import { packageCommands as commands } from './cli/package-commands.ts';
import { projectRoot } from './cli/paths.ts';
import { guardTerminal } from './cli/terminal.ts';

const width = Math.max(...commands.map(({ name }) => name.length));
const help = `npx alttrain-web <command> [options]

${commands.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join('\n')}
  ${'help'.padEnd(width)}  this text; "npx alttrain-web train --help" says a command's options

  --version    which version this is

The first run: npx alttrain-web start, or npx alttrain-web train --model demo --out runs/demo`;

const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
  readonly version: string;
};

function refuse(name: string): void {
  const meant = closest(name, [...commands.map((command) => command.name), 'help']);
  const guess = meant === null ? '' : ` Did you mean ${meant}?`;
  console.error(`"${name}" is no command of alttrain-web.${guess} npx alttrain-web help lists them.`);
  process.exitCode = 2;
}

guardTerminal();
const [name = 'help', ...rest] = process.argv.slice(2);
const command = commands.find((one) => one.name === name);
if (command !== undefined) {
  process.argv.splice(2, 1);
  await command.run();
} else if (name === '--version' || name === '-v') console.log(version);
else if (name !== 'help' && name !== '--help' && name !== '-h') refuse(name);
else {
  // "help train" is what "train --help" is
  const topic = commands.find((one) => one.name === rest[0]);
  if (topic === undefined && rest.length > 0) refuse(rest[0]);
  else if (topic === undefined) console.log(help);
  else {
    process.argv.splice(2, process.argv.length, '--help');
    await topic.run();
  }
}

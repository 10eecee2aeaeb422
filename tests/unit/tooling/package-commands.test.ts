import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageCommands } from '../../../scripts/cli/package-commands.ts';
import { projectRoot } from '../../../scripts/cli/paths.ts';

/** For who works on the project: they read or write its sources. */
const ofCheckout = [
  'advisories',
  'build:package',
  'licences',
  'make-checkpoint',
  'test',
  'test:second-adapter',
];

test('every npm script that is for users is a command of the package, and no other', () => {
  const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const own = Object.keys(scripts).filter(
    (name) => /^node --import tsx scripts\/[\w-]+\.ts$/.test(scripts[name]) && !name.startsWith('proof:'),
  );
  const forUsers = own.filter((name) => !ofCheckout.includes(name));
  expect(packageCommands.map(({ name }) => name).sort()).toEqual(forUsers.sort());
});

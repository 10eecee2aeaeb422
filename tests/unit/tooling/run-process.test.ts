import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { projectRoot } from '../../../scripts/cli/paths.ts';
import { runNode } from '../../../scripts/cli/run-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const folder = tempFolder();
afterEach(() => vi.restoreAllMocks());

/** A program of this text, by its path from the project's root. */
function program(text: string): string {
  const path = join(folder, 'program.mjs');
  writeFileSync(path, text);
  return relative(projectRoot, path);
}

test('held output is written in one piece when the program has ended, both streams in their order', async () => {
  const written: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
  const path = program(`
    console.log('first');
    setTimeout(() => console.error('second'), 150);
    setTimeout(() => { console.log('third'); process.exitCode = 3; }, 300);`);
  expect(await runNode(path, [], { holdsOutput: true })).toBe(3);
  expect(written).toEqual(['first\nsecond\nthird\n']);
});

test('a program that takes too long is ended and has failed', async () => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const said = vi.spyOn(console, 'error').mockReturnValue(undefined);
  const path = program('setInterval(() => undefined, 1000);');
  expect(await runNode(path, [], { holdsOutput: true, limitMs: 300 })).not.toBe(0);
  expect(String(said.mock.calls[0])).toContain('took more than 300 ms');
});

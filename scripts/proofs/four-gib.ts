/**
 * `npm run proof:four-gib [-- inspect]`: a JSONL file of 4 GiB and some bytes, read to its end by `inspect` and, unless only that is
 * asked for, by `train` in headless Chromium. Real rows lie at its beginning, in its middle, across 2^32 bytes and at its very end,
 * with lines of blanks between them that are written fast. Fails where one of them is not used. Needs 4.3 GB in the folder
 * for temporary files.
 */
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLineAsJson, runCommand } from './run-command.ts';

const FOUR_GIB = 2 ** 32;
const LINE_BYTES = 1 << 20;
const rowOf = (place: string): string =>
  `${JSON.stringify({ instruction: `Where does this row lie?`, response: `${place}.\n</think>\n\nThere.` })}\n`;
const across = rowOf('Across 4 GiB');

function writeLarge(path: string): void {
  const blanks = Buffer.alloc(LINE_BYTES, ' ');
  blanks[LINE_BYTES - 1] = 0x0a;
  const file = openSync(path, 'w');
  let bytes = 0;
  const write = (part: Buffer | string): void => {
    const data = typeof part === 'string' ? Buffer.from(part) : part;
    for (let done = 0; done < data.length;) done += writeSync(file, data, done);
    bytes += data.length;
  };
  const fillTo = (end: number): void => {
    while (end - bytes >= LINE_BYTES) write(blanks);
    if (end > bytes) write(blanks.subarray(LINE_BYTES - (end - bytes)));
  };
  write(rowOf('At the beginning'));
  fillTo(FOUR_GIB / 2);
  write(rowOf('In the middle'));
  fillTo(FOUR_GIB - Math.floor(across.length / 2));
  write(across);
  write(rowOf('At the end'));
  closeSync(file);
}
const ROWS = 4;

async function timed(what: string, action: () => Promise<number>): Promise<void> {
  const started = performance.now();
  const used = await action();
  const seconds = (performance.now() - started) / 1000;
  console.log(`${what}: ${used} of ${ROWS} rows used, ${seconds.toFixed(0)} s`);
  if (used !== ROWS) throw new Error(`${what} used ${used} of the ${ROWS} rows`);
}

const folder = mkdtempSync(join(tmpdir(), 'four-gib-'));
try {
  const path = join(folder, 'large.jsonl');
  const started = performance.now();
  writeLarge(path);
  const { size } = statSync(path);
  console.log(
    `${size} bytes (4 GiB and ${size - FOUR_GIB}) written in ${((performance.now() - started) / 1000).toFixed(0)} s`,
  );
  await timed('inspect', async () => {
    const output = await runCommand('inspect', ['--model', 'demo', '--dataset', path, '--json']);
    return lastLineAsJson<{ usableRows: number }>(output).usableRows;
  });
  if (process.argv[2] !== 'inspect')
    await timed('train', async () => {
      const settings = ['max_steps=1', 'suite_prompts=0'].flatMap((pair) => ['--set', pair]);
      const output = await runCommand('train', [
        ...['--model', 'demo', '--dataset', path, '--out', join(folder, 'out'), '--json'],
        ...settings,
      ]);
      return lastLineAsJson<{ rows: number }>(output).rows;
    });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

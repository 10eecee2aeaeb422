/** The whole files that are damaged: those of tests/fixtures, and rows of the built-in data. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { projectRoot } from '../../cli/paths.ts';
import type { Seeds } from './kinds.ts';

const fixtures = join(projectRoot, 'tests/fixtures');
const wanted = /goldens\/[^/]+\/(?:model|adapter)\/|\.parquet$/;

export function readSeeds(): Seeds {
  const paths = readdirSync(fixtures, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => wanted.test(path))
    .sort();
  const seeds = new Map(paths.map((path) => [relative(fixtures, path), new Uint8Array(readFileSync(path))]));
  const rows = readFileSync(join(fixtures, 'goldens/tied-bf16/dataset.jsonl'));
  return seeds.set('rows.jsonl', new Uint8Array(rows));
}

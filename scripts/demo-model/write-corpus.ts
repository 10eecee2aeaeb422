// Writes what the demo model is made from and measured with.
//   npx tsx scripts/demo-model/write-corpus.ts --scratch <folder outside the repository>
// Always: public/datasets/alttrain-1k.jsonl and public/datasets/demo-suites.json. With --scratch also corpus.jsonl, corpus-2.jsonl (second stage) and development-suites.json.

import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { firstStage, secondStage } from '../world/further/corpus.ts';
import { createAltTrainRows, createSuites, createWorld, WORLD_SEED } from '../world/index.ts';

const { values } = parseArgs({ options: { scratch: { type: 'string' } } });
const FIRST_STAGE_DOCUMENTS = 190_000;
const SECOND_STAGE_DOCUMENTS = 40_000;
const world = createWorld();
const datasets = join(dirname(fileURLToPath(import.meta.url)), '../../public/datasets');
const jsonl = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

mkdirSync(datasets, { recursive: true });
writeFileSync(join(datasets, 'alttrain-1k.jsonl'), jsonl(createAltTrainRows(world)));
writeFileSync(join(datasets, 'demo-suites.json'), `${JSON.stringify(createSuites(world), null, 1)}\n`);

if (values.scratch !== undefined) {
  mkdirSync(values.scratch, { recursive: true });
  writeFileSync(
    join(values.scratch, 'development-suites.json'),
    JSON.stringify(createSuites(world, 'development')),
  );
  const stages = {
    'corpus.jsonl': firstStage(world, FIRST_STAGE_DOCUMENTS, WORLD_SEED),
    'corpus-2.jsonl': secondStage(world, SECOND_STAGE_DOCUMENTS, WORLD_SEED + 1),
  };
  for (const [name, documents] of Object.entries(stages)) {
    const out = createWriteStream(join(values.scratch, name));
    for (const document of documents) out.write(`${JSON.stringify(document)}\n`);
    out.end();
  }
}

// Writes what the demo model is made from and measured with.
//   npx tsx scripts/demo-model/write-corpus.ts --scratch <folder outside the repository> [--documents 140000] [--further]
// Always: public/datasets/alttrain-1k.jsonl and public/datasets/demo-suites.json. With --scratch also corpus.jsonl, corpus-2.jsonl (second stage) and development-suites.json.
// --further: with them corpus-further.jsonl, corpus-further-2.jsonl, further-suites.json and development-further-suites.json, for a model that
// also meets the kinds of scripts/world/further (README.md).

import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { furtherDocuments, furtherSecondStage } from '../world/further/corpus.ts';
import { createFurtherSuites } from '../world/further/suites.ts';
import {
  corpusDocuments,
  secondStageDocuments,
  createAltTrainRows,
  createSuites,
  createWorld,
  WORLD_SEED,
} from '../world/index.ts';

const { values } = parseArgs({
  options: {
    scratch: { type: 'string' },
    documents: { type: 'string', default: '140000' },
    further: { type: 'boolean', default: false },
  },
});
const SECOND_STAGE_DOCUMENTS = 22_000;
const FURTHER_DOCUMENTS = 190_000;
const FURTHER_SECOND_STAGE = 34_000;
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
    'corpus.jsonl': corpusDocuments(world, Number(values.documents), WORLD_SEED),
    'corpus-2.jsonl': secondStageDocuments(world, SECOND_STAGE_DOCUMENTS, WORLD_SEED + 1),
  };
  const further = {
    'corpus-further.jsonl': furtherDocuments(world, FURTHER_DOCUMENTS, WORLD_SEED),
    'corpus-further-2.jsonl': furtherSecondStage(world, FURTHER_SECOND_STAGE, WORLD_SEED + 1),
  };
  const suiteFile = (split: 'test' | 'development') =>
    JSON.stringify({ model: 'demo', suites: createFurtherSuites(world, split) });
  if (values.further) {
    writeFileSync(join(values.scratch, 'further-suites.json'), suiteFile('test'));
    writeFileSync(join(values.scratch, 'development-further-suites.json'), suiteFile('development'));
  }
  for (const [name, documents] of Object.entries(values.further ? { ...stages, ...further } : stages)) {
    const out = createWriteStream(join(values.scratch, name));
    for (const document of documents) out.write(`${JSON.stringify(document)}\n`);
    out.end();
  }
}

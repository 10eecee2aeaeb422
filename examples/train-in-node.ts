/**
 * Trains a LoRA adapter on a file of rows in Node, without a browser, and writes the files that PEFT reads.
 *
 *   npm run build:node
 *   node --import tsx examples/train-in-node.ts rows.jsonl adapter-folder
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTrainer, datasetFile, requireRunConfig } from 'alttrain-web/node';

const [rows, out] = process.argv.slice(2);
const config = requireRunConfig({ max_length: 256, max_steps: 3, sample_steps: 0, suite_prompts: 0 });
const trainer = await createTrainer();
const engine = await trainer.openEngine();
console.log(engine.report.gpu);
const model = await engine.loadModel({ kind: 'demo' }); // a folder: await modelFolder('checkpoints/smollm2')
const dataset = await model.readDataset(await datasetFile(rows), config);
const run = await model.createRun(dataset, { config });
await run.train((event) => {
  if (event.kind === 'step') console.log(`step ${event.report.step}: loss ${event.report.loss.toFixed(4)}`);
});
await mkdir(out, { recursive: true });
for (const { name, bytes } of await run.files()) await writeFile(join(out, name), bytes);
engine.dispose(); // and with it the model and the run
process.exit(); // Dawn's threads would keep Node alive

/** `npm run import-run`: a run that was trained elsewhere, as a run's folder. `--help` says the rest. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { ExportedFile, ForeignRun } from '../src/api/exports.ts';
import { toRawRunConfig } from '../src/config/run-config.ts';
import { parseModelConfig } from '../src/model/model-config.ts';
import { readJson as readModelJson } from '../src/model/model-files.ts';
import { TrainerError } from '../src/support/trainer-error.ts';
import { findRunFiles } from '../src/trainer/foreign-files.ts';
import { importRun, type ImportedRun, type KnownModel } from '../src/trainer/import-run.ts';
import { adapterDownload, trainedAdapter } from '../src/trainer/run-results.ts';
import { wantsHelp, wantsJson } from './cli/args.ts';
import { runCommand } from './cli/exit.ts';
import { modelFolder } from './cli/export-source.ts';
import { isFolder } from './cli/files.ts';
import { importRunHelp, parseImportRunArgs, type ImportRunOptions } from './cli/import-run-args.ts';
import { filesBelow } from './cli/files-below.ts';
import { prepareOutFolder, refuseFilesThere, refuseHeldRun } from './cli/out-folder.ts';
import { putFile } from './cli/take-file.ts';
import { printJson } from './cli/terminal.ts';

async function run({ from, model, out: given, overwrite }: ImportRunOptions, asJson: boolean): Promise<void> {
  const out = resolve(given);
  const imported = await importRun(await foreignRun(from), model === null ? null : await knownModel(model));
  const files = runFiles(imported);
  const names = files.map(({ name }) => name);
  if (!overwrite) {
    refuseHeldRun(out);
    refuseFilesThere(out, names);
  }
  prepareOutFolder(out, names);
  for (const { name, bytes } of files) await putFile({ folder: out, name }, Readable.from([bytes]));
  const { head, notes, adapter } = imported;
  for (const note of notes) console.error(note);
  console.log(
    `${head.step} steps of ${head.model.name} on ${head.dataset.name}, loss ${head.lossLast?.toFixed(4) ?? 'not known'}${adapter === null ? '; without an adapter' : ''}: ${out}`,
  );
  if (!asJson) return;
  const { step: steps, totalSteps, lossLast, state } = head;
  printJson({ ok: true, out, steps, totalSteps, lossLast, state, hasAdapter: adapter !== null, notes });
}

async function foreignRun(from: string): Promise<ForeignRun> {
  if (!isFolder(from)) throw new TrainerError('config-invalid', `--from ${from} is not a folder.`);
  const folder = resolve(from);
  return findRunFiles(
    filesBelow(folder).map((name) => ({
      name,
      read: () => Promise.resolve(new Blob([readFileSync(join(folder, name))])),
    })),
  );
}

async function knownModel(name: string): Promise<KnownModel> {
  const model = modelFolder(name);
  return {
    name: model.name,
    base: model.base,
    source: name === 'demo' ? { kind: 'demo' } : { kind: 'files', name: model.name },
    config: parseModelConfig(await readModelJson(model, 'config.json')),
  };
}

/** As npm run train writes them. */
function runFiles({ record, adapter, head }: ImportedRun): ExportedFile[] {
  if (adapter !== null)
    return adapterDownload(trainedAdapter(record, adapter.plan, adapter.values, head.state === 'finished'));
  const encoder = new TextEncoder();
  return [
    { name: 'metrics.jsonl', bytes: encoder.encode(record.metrics.text()) },
    {
      name: 'run_config.json',
      bytes: encoder.encode(`${JSON.stringify(toRawRunConfig(record.config), null, 2)}\n`),
    },
  ];
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(importRunHelp);
else await runCommand(wantsJson(argv), () => run(parseImportRunArgs(argv), wantsJson(argv)));

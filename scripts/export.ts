/** `npm run export`: a trained adapter for other tools. `--help` says the rest. */
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { ExportFormat } from '../src/config/export-choices.ts';
import { adapterExport } from '../src/exporters/export-adapter.ts';
import type { ExportFile } from '../src/exporters/export-file.ts';
import { bundleFiles } from '../src/exporters/bundle/bundle.ts';
import { mergedFiles, storedDtype } from '../src/exporters/merged.ts';
import type { ExportSubject } from '../src/exporters/subject.ts';
import type { ModelFiles } from '../src/model/model-files.ts';
import { TrainerError } from '../src/support/trainer-error.ts';
import { openBase } from '../src/trainer/export-subject.ts';
import { wantsHelp, wantsJson } from './cli/args.ts';
import { runCommand } from './cli/exit.ts';
import { exportHelp, parseExportArgs, type ExportOptions } from './cli/export-args.ts';
import { readBundle } from './cli/bundle-source.ts';
import { modelFolder, readSubject } from './cli/export-source.ts';
import { prepareOutFolder, refuseFilesThere } from './cli/out-folder.ts';
import { putFile } from './cli/take-file.ts';
import { printJson } from './cli/terminal.ts';

async function run(options: ExportOptions, asJson: boolean): Promise<void> {
  const out = resolve(options.out);
  const model = options.model === null ? null : modelFolder(options.model);
  const subject = options.folder === null ? null : await readSubject(resolve(options.folder), model);
  const made = await Promise.all(
    options.formats.map(async (format) => ({
      format,
      files: await filesOf(format, subject, model, options),
    })),
  );
  const names = made.flatMap(({ format, files }) => files.map(({ name }) => `${format}/${name}`));
  if (!options.overwrite) refuseFilesThere(out, names);
  prepareOutFolder(out, names);
  for (const { format, files } of made) {
    for (const file of files)
      await putFile({ folder: out, name: `${format}/${file.name}` }, Readable.from(file.chunks()));
    console.log(`${format}: ${files.map(({ name }) => name).join(', ')} in ${join(out, format)}`);
  }
  if (!asJson) return;
  const formats = made.map(({ format, files }) => [
    format,
    files.map(({ name, size }) => ({ name, bytes: size })),
  ]);
  printJson({
    ok: true,
    base: subject?.base ?? model?.base ?? null,
    out,
    formats: Object.fromEntries(formats) as object,
  });
}

async function filesOf(
  format: ExportFormat,
  subject: ExportSubject | null,
  model: ModelFiles | null,
  options: ExportOptions,
): Promise<ExportFile[]> {
  const { dtype } = options;
  if (format === 'bundle' && model !== null)
    return bundleFiles(await readBundle(options, subject, model, (line) => console.error(line)));
  if (subject === null) throw new TrainerError('config-invalid', `--format ${format} needs --run.`);
  if (format === 'bundle') throw new TrainerError('config-invalid', '--format bundle needs --model.');
  if (format !== 'merged') return adapterExport(subject, format, dtype ?? 'f32');
  if (model === null) throw new TrainerError('config-invalid', '--format merged needs --model.');
  const base = await openBase(model);
  return mergedFiles(subject, base, dtype ?? storedDtype(base));
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(exportHelp);
else await runCommand(wantsJson(argv), () => run(parseExportArgs(argv), wantsJson(argv)));

/** `npm run push`: an export to the Hugging Face Hub. `--help` says the rest. */
import { openAsBlob, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { exportFormats } from '../src/config/export-choices.ts';
import { refuseData, repositoryLayout } from '../src/exporters/repository.ts';
import { pushFiles } from '../src/hub/push.ts';
import { TrainerError } from '../src/support/trainer-error.ts';
import { formatBytes } from '../src/support/units.ts';
import { wantsHelp, wantsJson } from './cli/args.ts';
import { runCommand } from './cli/exit.ts';
import { filesBelow } from './cli/files-below.ts';
import { isFolder } from './cli/files.ts';
import { hubAccess } from './cli/inputs.ts';
import { parsePushArgs, pushHelp, type PushOptions } from './cli/push-args.ts';
import { asMessage, printJson } from './cli/terminal.ts';

/** Hidden files may hold anything; a checkpoint is of use to this trainer only, and three times as large as its adapter. */
const staysHere = (name: string): boolean => name.startsWith('.') || name === 'checkpoint';

/** By their paths in the folder. Links may lead anywhere, and what lies there was not meant. */
const filesIn = (folder: string): { readonly name: string; readonly path: string }[] =>
  filesBelow(folder)
    .filter((name) => !name.split('/').some(staysHere))
    .map((name) => ({ name, path: join(folder, name) }));

interface Sent {
  readonly name: string; // in the repository
  readonly path: string;
  readonly bytes: number;
}

/** @throws TrainerError "config-invalid" */
function collect(folder: string): Sent[] {
  if (!isFolder(folder)) throw new TrainerError('config-invalid', `${folder} is not a folder.`);
  const made = exportFormats
    .filter((format) => isFolder(join(folder, format)))
    .map((format) => ({ format, files: filesIn(join(folder, format)) }));
  refuseData(made.map(({ format }) => format));
  const card = made.find(({ format }) => format === 'record')?.files.find(({ name }) => name === 'README.md');
  const placed =
    made.length > 0
      ? repositoryLayout(made, card ?? null)
      : filesIn(folder).map((file) => ({ name: file.name, file }));
  if (placed.length === 0)
    throw new TrainerError('config-invalid', `${folder} holds no files that could be sent.`);
  return placed.map(({ name, file: { path } }) => ({ name, path, bytes: statSync(path).size }));
}

async function push(
  { folder, repo, isPublic, addsToExisting, isDryRun, hubUrl }: PushOptions,
  asJson: boolean,
): Promise<void> {
  const files = collect(resolve(folder));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const visibility = isPublic ? 'public' : 'private';
  console.log(asMessage(`To ${repo}${addsToExisting ? '' : `, new and ${visibility}`}:`));
  for (const { name, bytes: size } of files) console.log(asMessage(`  ${name}  ${formatBytes(size)}`));
  console.log(`${files.length} files, ${formatBytes(bytes)}`);
  const listed = files.map(({ name, bytes: size }) => ({ path: name, bytes: size }));
  if (isDryRun) {
    if (asJson) printJson({ ok: true, repo, files: listed, commit: null });
    return;
  }
  const { url, token = '' } = hubAccess(hubUrl);
  const target = {
    repo,
    token,
    isPrivate: !isPublic,
    addsToExisting,
    ...(url === null ? {} : { hubUrl: url }),
  };
  let said = '';
  const onProgress = (share: number, what: string): void => {
    if (what !== said) console.log(asMessage(`${Math.round(100 * share)} % · ${what}`));
    said = what;
  };
  const contents = files.map(async ({ name, path }) => ({ path: name, content: await openAsBlob(path) }));
  const pushed = await pushFiles(target, await Promise.all(contents), { onProgress });
  console.log(asMessage(`Sent: ${pushed.url}, commit ${pushed.commit}`));
  if (asJson) printJson({ ok: true, repo, files: listed, ...pushed });
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(pushHelp);
else await runCommand(wantsJson(argv), () => push(parsePushArgs(argv), wantsJson(argv)));

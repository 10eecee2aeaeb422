/** Whether a command of a document would be understood: by npm, and by the command's own reader of its line. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseGenerateArgs, parseInspectArgs, parseTrainArgs } from '../../scripts/cli/args.ts';
import { parseBenchArgs, parsePackArgs } from '../../scripts/cli/bench-args.ts';
import { parseBuildDatasetArgs, wantsTemplates } from '../../scripts/cli/build-dataset-args.ts';
import { parseEvaluateArgs } from '../../scripts/cli/evaluate-args.ts';
import { parseExportArgs } from '../../scripts/cli/export-args.ts';
import { packageCommands } from '../../scripts/cli/package-commands.ts';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { parsePushArgs } from '../../scripts/cli/push-args.ts';
import { resolveRunConfig } from '../../scripts/cli/settings.ts';
import { parseReproduceArgs } from '../../scripts/reproduce/args.ts';
import { presets } from '../../src/config/presets.ts';
import type { DocCommand } from './doc-commands.ts';

const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

const parsers: Readonly<Record<string, (argv: readonly string[]) => unknown>> = {
  train: parseTrainArgs,
  inspect: parseInspectArgs,
  generate: parseGenerateArgs,
  evaluate: (argv) => (argv.includes('--print-refusal-phrases') ? null : parseEvaluateArgs(argv)),
  'build-dataset': (argv) => (wantsTemplates(argv) ? null : parseBuildDatasetArgs(argv)),
  export: parseExportArgs,
  push: parsePushArgs,
  reproduce: parseReproduceArgs,
  bench: (argv) => {
    if (argv.includes('--pack')) return parsePackArgs(argv);
    if (argv.length === 1 && argv[0] === '--serve') return null;
    parseBenchArgs(argv);
    return null; // its settings are none of a run's
  },
};

/** Programs of the system's that blocks may have; the files of this project that they name must be there. */
const ofSystem = ['cd', 'curl', 'debootstrap', 'git', 'pip', 'python', 'python3', 'tar', 'measure'];
const ofNpm = ['ci', 'install', 'pack', 'publish', 'version', 'view', 'login', 'whoami'];

/** null: it is understood. Otherwise what is wrong with it. */
export async function whyWrong(command: DocCommand): Promise<string | null> {
  const [program, ...rest] = command.words;
  if (program === 'npm') return whyWrongNpm(rest, command);
  if (program === 'npx') return whyWrongNpx(rest, command);
  if (program === 'node') return rest.map(missingFile).find((fault) => fault !== null) ?? null;
  const system = program.split('/').at(-1) ?? '';
  if (!ofSystem.includes(system)) return `"${program}" is a program that this test does not know`;
  return system.startsWith('p') ? (rest.map(missingFile).find((fault) => fault !== null) ?? null) : null;
}

/** Of this project's folders; what else a command names is the reader's. */
const missingFile = (word: string): string | null =>
  /^(scripts|examples|src|tests|docs|public)\//.test(word) && !existsSync(join(projectRoot, word))
    ? `${word} is not there`
    : null;

async function whyWrongNpm(
  [verb = '', ...rest]: readonly string[],
  command: DocCommand,
): Promise<string | null> {
  if (ofNpm.includes(verb)) return null;
  const name = verb === 'run' ? (rest[0] ?? '') : verb === 'start' || verb === 'test' ? verb : null;
  if (verb === 'run' && rest.length === 0 && command.where === 'sentence') return null; // a table's head
  if (name === null) return `"npm ${verb}" is no command of npm's that this test knows`;
  if (!(name in scripts)) return `there is no npm script "${name}"`;
  const own = verb === 'run' ? rest.slice(1) : rest;
  const separator = own.findIndex((word) => word === '--' || word === '[--');
  const swallowed = own.slice(0, separator < 0 ? own.length : separator).find((word) => word.startsWith('-'));
  if (swallowed !== undefined) return `npm keeps ${swallowed} for itself: it needs "--" before it`;
  return whyWrongLine(name, separator < 0 ? [] : own.slice(separator + 1), command);
}

async function whyWrongNpx(
  [tool = '', ...rest]: readonly string[],
  command: DocCommand,
): Promise<string | null> {
  if (tool === 'vitest') {
    const project = rest[rest.indexOf('--project') + 1] ?? '';
    const names = ['unit', 'gpu', 'headless', 'app', 'firefox', 'slow'];
    return rest.includes('--project') && !names.includes(project) ? `there is no project "${project}"` : null;
  }
  if (tool === 'tsx') return rest.map(missingFile).find((fault) => fault !== null) ?? null;
  if (tool !== 'alttrain-web') return `"npx ${tool}" is a tool that this test does not know`;
  const [name = 'help', ...own] = rest;
  if (['help', '--help', '--version'].includes(name))
    return own.every((topic) => packageCommands.some((one) => one.name === topic))
      ? null
      : `no topic ${own.join(' ')}`;
  if (!packageCommands.some((one) => one.name === name)) return `alttrain-web has no command "${name}"`;
  return whyWrongLine(name, own, command);
}

async function whyWrongLine(
  name: string,
  given: readonly string[],
  { where }: DocCommand,
): Promise<string | null> {
  const argv = given.map((word, at) => filled(word, given[at - 1]));
  if (argv.includes('--help') || argv.includes('-h')) return null;
  if (!(name in parsers)) return whyUnknownOption(name, argv);
  if (where === 'sentence' && argv.length === 0) return null; // it is named, not shown
  try {
    await checkSettings(parsers[name](argv));
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // A sentence shows the options that it is about.
    const isPart = where === 'sentence' && / is missing|needs --|Give --| are needed/.test(message);
    return isPart ? null : message;
  }
}

/** Something for what stands for something: "<folder>", "max_steps=…", "[-- file]". */
function filled(word: string, before: string | undefined): string {
  const text = word.replace(/^\[|\]$/g, '');
  if (before === '--host' && /^<|…/.test(text)) return 'auto';
  return text.replace(/^<(.*)>$/, '$1').replace(/=…$/, '=1');
}

async function checkSettings(options: unknown): Promise<void> {
  const { settings = [], configPath = null } = (options ?? {}) as {
    readonly settings?: readonly string[];
    readonly configPath?: string | null;
  };
  const isPreset = presets.some(({ id }) => id === configPath);
  if (configPath !== null && !isPreset && !configPath.endsWith('.json'))
    throw new Error(`--config ${configPath} is no preset and no file`);
  await resolveRunConfig({
    isDemo: true,
    configPath: isPreset ? configPath : null,
    settings,
    initAdapterFolder: null,
    checkpointPath: null,
  });
}

/** Scripts that read their line themselves: an option must stand in the script, or in what it imports. */
function whyUnknownOption(name: string, argv: readonly string[]): string | null {
  const [, path] = /(scripts\/\S+\.ts)/.exec(scripts[name]) ?? [];
  const options = argv.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/^--?|=.*$/g, ''));
  if (path === undefined)
    return options.length === 0 || name.startsWith('test') ? null : `${name} takes no options`;
  const text = sourcesOf(join(projectRoot, path)).join('\n');
  const unknown = options.find(
    (option) => !new RegExp(`(--|['"\`])${option}['"\`\\s:<]|\\b${option}: `).test(text),
  );
  return unknown === undefined ? null : `${path} has no option --${unknown}`;
}

function sourcesOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  const near = [...text.matchAll(/from '(\.\.?\/[^']+\.ts)'/g)].map(([, found]) =>
    join(dirname(path), found),
  );
  const folder = path.replace(/\.ts$/, '');
  const below =
    existsSync(folder) && statSync(folder).isDirectory()
      ? readdirSync(folder)
          .filter((one) => one.endsWith('.ts'))
          .map((one) => join(folder, one))
      : [];
  return [
    text,
    ...[...near, ...below].filter((one) => existsSync(one)).map((one) => readFileSync(one, 'utf8')),
  ];
}

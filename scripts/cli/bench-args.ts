/** `npm run bench` → settings of one suite. */
import { parseArgs } from 'node:util';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { hostOf, parse as parseFlags, required } from './args.ts';
import type { HostChoice } from './choose-host.ts';
import { asTyped } from './own-commands.ts';
import type { PackOptions } from './pack-bench.ts';
import { defaultSettings, suites, type BenchSettings, type Suite } from '../../tests/bench/protocol.ts';

export const benchHelp = `${asTyped('bench')} [${suites.join(' | ')}] [options]

Measures the engine: every operation is checked against its float64 reference, then timed in
turns with the GPU's own roof. Without a name: kernels. The same suites are a page:
"${asTyped('bench')} --serve" says its address, for a browser with a GPU of its own.

  --pack <folder>      makes a folder that measures a graphics card on a Linux x64 machine where nothing is installed:
                       copy it there and run ./measure in it; --without-node leaves Node out of it
  --only <words>       only the cases whose name and shape contain all of these words, e.g. --only "linear 256"
  --host <auto | node | browser>   where it runs, as for training: in Node on Dawn, or in headless Chromium. auto (the
                       default) takes Node where it finds a graphics card there. peers needs a browser
  --budget <seconds>   start no new case after this; what was left out is said
  --rounds <number>    timed samples per contender (default 3)
  --sample-ms <number> length of a sample (default 100)
  --json               the last line of the output is one JSON object
  --help

Environment
  CHROME_PATH    Chrome or Chromium to use; otherwise the usual places are searched
  ALTTRAIN_GPU   "hardware" or "software" WebGPU; otherwise hardware where the machine has a GPU

Exit code 0: done. 2: bad input, said before anything starts. 1: failed, or a case computed wrong numbers.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  host: text,
  only: text,
  budget: text,
  rounds: text,
  'sample-ms': text,
  json: flag,
  help: flag,
} as const;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TrainerError('config-invalid', `${reason.replace(/\.?$/, '.')} --help lists the options.`);
  }
}

function positive(name: string, given: string | undefined, fallback: number): number {
  if (given === undefined) return fallback;
  const value = Number(given);
  if (given.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw new TrainerError('config-invalid', `--${name} ${given} is not a number above 0.`);
}

const isSuite = (name: string): name is Suite => (suites as readonly string[]).includes(name);

/** @throws TrainerError "config-invalid". */
export function parseBenchArgs(argv: readonly string[]): {
  readonly host: HostChoice;
  readonly settings: BenchSettings;
} {
  const { values, positionals } = parse(argv);
  const [suite = 'kernels', ...rest] = positionals;
  if (!isSuite(suite) || rest.length > 0)
    throw new TrainerError(
      'config-invalid',
      `"${positionals.join(' ')}" is no suite. There are: ${suites.join(', ')}.`,
    );
  const defaults = defaultSettings(suite);
  const rounds = positive('rounds', values.rounds, defaults.rounds);
  if (!Number.isInteger(rounds))
    throw new TrainerError('config-invalid', `--rounds ${rounds} is not a whole number.`);
  const host = hostOf(values);
  if (suite === 'peers' && host === 'node')
    throw new TrainerError(
      'config-invalid',
      'peers compares with libraries that need a browser: leave --host out.',
    );
  const settings = {
    suite,
    only: (values.only ?? '').split(/\s+/).filter((word) => word !== ''),
    budgetSeconds: positive('budget', values.budget, defaults.budgetSeconds),
    rounds,
    sampleMs: positive('sample-ms', values['sample-ms'], defaults.sampleMs),
  };
  return { host: suite === 'peers' ? 'browser' : host, settings };
}

/** @throws TrainerError "config-invalid". */
export function parsePackArgs(argv: readonly string[]): PackOptions {
  const values = parseFlags(argv, { pack: text, 'without-node': flag });
  return { folder: required(values, 'pack', 'measure'), withNode: values['without-node'] !== true };
}

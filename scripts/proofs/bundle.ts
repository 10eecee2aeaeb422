/**
 * `npm run proof:bundle`: a run bundle trains as the page does. Each subject is exported as a bundle, trained here (`--host node`), and
 * trained from the bundle by TRL on the CPU: alone, with other micro-batches, and by two processes. The ids and masks of the bundle
 * are those of `npm run inspect`, and the losses of the first ten steps are within 1e-4. Swapped steps must not be.
 * Needs Python with public/bundle/requirements.txt; PYTHON names the program. `-- --model <folder> --dataset <file> --set key=value …`
 * takes another model. docs/bundle.md has the results.
 */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { datasetsFolder } from '../cli/inputs.ts';
import { textOption, textOptions } from './arguments.ts';
import { runCommand, runProgram } from './run-command.ts';

const steps = 10;
const tolerance = 1e-4;

interface Subject {
  readonly name: string;
  readonly model: string;
  readonly dataset: string;
  readonly settings: readonly string[];
}

interface Curve {
  readonly losses: readonly number[];
  readonly heldOut: readonly number[];
}

interface Inspected {
  readonly line?: number;
  readonly ids: readonly number[] | null;
  readonly target: readonly number[] | null;
}

function subjects(work: string): readonly Subject[] {
  const [model, dataset] = [textOption('model'), textOption('dataset')];
  if (model !== null && dataset !== null)
    return [{ name: model, model, dataset, settings: textOptions('set') }];
  const rows = readFileSync(join(datasetsFolder, 'alttrain-1k.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(0, 80);
  const few = join(work, 'few.jsonl');
  const weighted = join(work, 'weighted.jsonl');
  writeFileSync(few, `${rows.join('\n')}\n`);
  writeFileSync(
    weighted,
    rows
      .map(
        (row, i) =>
          `${JSON.stringify({ ...(JSON.parse(row) as object), ...(i % 3 > 0 ? { weight: i % 3 === 1 ? 0.25 : 3 } : {}) })}\n`,
      )
      .join(''),
  );
  const packed = [
    'packing=true',
    'max_length=128',
    'per_device_train_batch_size=2',
    'gradient_accumulation_steps=3',
    'eval_fraction=0.1',
    'eval_steps=5',
  ];
  return [
    { name: 'demo', model: 'demo', dataset: 'alttrain-1k', settings: [] },
    { name: 'demo, packs, accumulation, rows held out', model: 'demo', dataset: few, settings: packed },
    {
      name: 'demo, weights, an epoch whose end is cut',
      model: 'demo',
      dataset: weighted,
      settings: [
        'per_device_train_batch_size=7',
        'gradient_accumulation_steps=2',
        'max_grad_norm=0.5',
        'lr_scheduler_type=linear',
      ],
    },
  ];
}

async function prove({ name, model, dataset, settings }: Subject, python: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'alttrain-bundle-'));
  const sets = [`max_steps=${steps}`, 'sample_steps=0', 'suite_prompts=0', ...settings].flatMap((one) => [
    '--set',
    one,
  ]);
  const of = ['--model', model, '--dataset', dataset, ...sets];
  await runCommand('export', [...of, '--format', 'bundle', '--out', join(work, 'export')]);
  const bundle = join(work, 'export/bundle');
  const rows = await compareRows(bundle, of);
  await runCommand('train', [...of, '--host', 'node', '--out', join(work, 'run')]);
  const here = curveHere(join(work, 'run/metrics.jsonl'));
  const there = async (
    folder: string,
    out: string,
    launch: readonly string[],
    own: readonly string[] = [],
  ): Promise<Curve> => {
    const output = join(work, out);
    const from = ['--model', model === 'demo' ? join(folder, 'model') : model, '--output', output];
    await runProgram(
      python,
      [
        ...['-m', 'accelerate.commands.launch', '--cpu', ...launch],
        ...[join(folder, 'train.py'), ...from, ...own],
      ],
      { isQuiet: true },
    );
    return curveThere(join(output, 'trainer_state.json'));
  };
  console.log(`${name}: ${rows} rows, ids and masks equal; largest difference of a loss`);
  show('one process', here, await there(bundle, 'one', ['--num_processes', '1']));
  show(
    'micro-batches of 3',
    here,
    await there(bundle, 'micro', ['--num_processes', '1'], ['--micro-batch', '3']),
  );
  show('two processes', here, await there(bundle, 'two', ['--num_processes', '2']));
  const swapped = join(work, 'swapped');
  cpSync(bundle, swapped, { recursive: true });
  swapSteps(join(swapped, 'data/steps.jsonl'));
  const control = await there(swapped, 'control', ['--num_processes', '1'], ['--stop-after', '2']);
  const off = difference(here.losses, control.losses);
  console.log(`  two steps swapped: ${off.toExponential(1)}`);
  if (off <= tolerance) throw new Error('Swapped steps are not noticed: this proof proves nothing.');
}

/** @throws where a row differs. Gives their number. */
async function compareRows(bundle: string, of: readonly string[]): Promise<number> {
  const inspected = (await runCommand('inspect', [...of, '--json'], { isQuiet: true }))
    .trimEnd()
    .split('\n')
    .slice(0, -1);
  const byLine = new Map(
    inspected.map((line) => JSON.parse(line) as Inspected).map((row) => [row.line, row]),
  );
  const lines = ['rows.jsonl', 'held_out.jsonl'].flatMap((file) => {
    try {
      return readFileSync(join(bundle, 'data', file), 'utf8')
        .trimEnd()
        .split('\n');
    } catch {
      return []; // nothing is held out
    }
  });
  for (const line of lines) {
    const row = JSON.parse(line) as { line: number; input_ids: number[]; labels: number[] };
    const { ids, target } = byLine.get(row.line) ?? { ids: null, target: null };
    const isSame =
      JSON.stringify(ids) === JSON.stringify(row.input_ids) &&
      JSON.stringify(target) === JSON.stringify(row.labels.map((label) => (label === -100 ? 0 : 1))) &&
      row.labels.every((label, i) => label === -100 || label === row.input_ids[i]);
    if (!isSame) throw new Error(`The row of line ${row.line} differs from what npm run inspect shows.`);
  }
  return lines.length;
}

function show(what: string, here: Curve, there: Curve): void {
  const off = difference(here.losses, there.losses);
  const evaluation =
    here.heldOut.length === 0 ? '' : `, held out ${difference(here.heldOut, there.heldOut).toExponential(1)}`;
  console.log(`  ${what}: ${off.toExponential(1)}${evaluation}`);
  if (there.losses.length < steps || there.heldOut.length !== here.heldOut.length || off > tolerance)
    throw new Error(`${there.losses.length} losses there, ${here.losses.length} here, ${off} apart.`);
}

const difference = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...b.map((value, i) => Math.abs(value - (a[i] ?? NaN))));

function curveHere(path: string): Curve {
  return curveOf(
    readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Logged),
  );
}

const curveThere = (path: string): Curve =>
  curveOf((JSON.parse(readFileSync(path, 'utf8')) as { log_history: Logged[] }).log_history);

interface Logged {
  readonly loss?: number;
  readonly eval_loss?: number;
}

const curveOf = (rows: readonly Logged[]): Curve => ({
  losses: rows.flatMap(({ loss }) => (loss === undefined ? [] : [loss])),
  heldOut: rows.flatMap(({ eval_loss: loss }) => (loss === undefined ? [] : [loss])),
});

function swapSteps(path: string): void {
  const [first, second, ...rest] = readFileSync(path, 'utf8').trimEnd().split('\n');
  writeFileSync(path, `${[second, first, ...rest].join('\n')}\n`);
}

const python = process.env['PYTHON'] ?? 'python3';
const work = mkdtempSync(join(tmpdir(), 'alttrain-bundle-data-'));
for (const subject of subjects(work)) await prove(subject, python);

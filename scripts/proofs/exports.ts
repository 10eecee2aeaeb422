/**
 * `npm run proof:exports`: every export means the same in the tool it is for. The adapters of the golden checkpoints (Qwen2, Qwen3 and
 * Llama; tied and untied; fewer heads of keys and values), or `-- <folder of a run> <folder of its model>`, are exported and
 * opened in PEFT, transformers, mlx-lm, llama.cpp and TensorBoard. Needs Python with what check_exports.py names; PYTHON
 * names the program. docs/exports.md has the results.
 */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { projectRoot } from '../cli/paths.ts';
import { lastLineAsJson, runCommand, runProgram } from './run-command.ts';

interface Subject {
  readonly name: string;
  readonly adapter: string;
  readonly model: string;
}

interface Row {
  readonly ok: boolean;
  readonly error?: number;
  readonly withoutAdapter?: number;
  readonly tokensEqual?: boolean;
}

interface Report {
  readonly family: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly tied: boolean;
  readonly missing: readonly string[];
  readonly rows: Readonly<Record<string, Row>>;
}

const goldens = [
  ...['tied-gqa', 'untied-mqa', 'untied-rslora', 'tied-bf16'],
  ...['qwen3-tied-f16', 'qwen3-untied-sharded', 'llama-tied-rope3', 'llama-untied-sharded'],
];

function subjects([run, model]: readonly string[]): readonly Subject[] {
  if (run !== undefined && model !== undefined)
    return [{ name: run, adapter: resolve(run), model: resolve(model) }];
  return goldens.map((name) => {
    const folder = join(projectRoot, 'tests/fixtures/goldens', name);
    return { name, adapter: join(folder, 'final_adapter'), model: join(folder, 'model') };
  });
}

async function prove({ name, adapter, model }: Subject, python: string): Promise<void> {
  const out = mkdtempSync(join(tmpdir(), 'alttrain-exports-'));
  const formats = [
    'peft',
    'gguf',
    'mlx',
    'merged',
    ...(existsSync(join(adapter, 'metrics.jsonl')) ? ['record'] : []),
  ];
  await runCommand('export', [
    ...['--run', adapter, '--model', model, '--format', formats.join(','), '--dtype', 'f32', '--out', out],
  ]);
  const check = join(projectRoot, 'scripts/proofs/check_exports.py');
  const output = await runProgram(python, [check, model, adapter, out], { isQuiet: true });
  const { family, heads, kvHeads, tied, rows, missing } = lastLineAsJson<Report>(output);
  console.log(`${name}: ${family}, ${heads} heads, ${kvHeads} of keys, ${tied ? 'tied' : 'untied'}`);
  for (const [tool, { error, withoutAdapter, tokensEqual }] of Object.entries(rows))
    console.log(
      error === undefined
        ? `  ${tool}: the curve is that of metrics.jsonl`
        : `  ${tool}: ${error.toExponential(1)} of the largest logit off, tokens ${tokensEqual ? 'equal' : 'differ'}; without the adapter ${withoutAdapter?.toFixed(2)}`,
    );
  for (const one of missing) console.log(`  not installed: ${one}`);
}

const python = process.env['PYTHON'] ?? 'python3';
for (const subject of subjects(process.argv.slice(2))) await prove(subject, python);

/**
 * `npm run proof:differential`: seeded variants of what other tools write, through transformers, PEFT and TRL and through this
 * project: equal ids, masks and losses, or a refusal by name. Needs Python with torch, transformers, peft, trl (PYTHON names
 * it) and a Vulkan driver for Dawn (libvulkan1, and VK_ICD_FILENAMES naming one, e.g. Chromium's vk_swiftshader_icd.json).
 *   --seed N --configs N --tokenizers N --adapters N --rows N --keep
 * Exit code 0: no disagreement that the comparator does not know as documented (docs/differential.md).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../cli/paths.ts';
import type { Outcome } from './differential/cases.ts';
import { lossOf, openEngine } from './differential/engine.ts';
import { judgeLoss, type ReferenceLoss, type Verdict } from './differential/judge.ts';
import { judgeTokens, type ReferenceTokens } from './differential/judge-tokens.ts';
import { writeAdapterCases, writeConfigCases, type ModelCase } from './differential/model-cases.ts';
import { judgeRow, type ReferenceRows } from './differential/judge-rows.ts';
import { ourRows, writeRowGroups } from './differential/row-cases.ts';
import { ourTokens, writeTokenizerCases } from './differential/tokenizer-cases.ts';
import { runProgram } from './run-command.ts';
import { textOf } from '../../src/support/text-of.ts';

interface Options {
  readonly seed: number;
  readonly counts: Readonly<Record<'configs' | 'tokenizers' | 'adapters' | 'rows', number>>;
  readonly keeps: boolean;
  readonly reused: string | null;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      configs: { type: 'string', default: '330' },
      tokenizers: { type: 'string', default: '220' },
      adapters: { type: 'string', default: '220' },
      rows: { type: 'string', default: '2200' },
      keep: { type: 'boolean', default: false },
      reuse: { type: 'string' }, // a folder that --keep left: its reference is not asked again
    },
  });
  const { configs, tokenizers, adapters, rows } = values;
  const counts = {
    configs: Number(configs),
    tokenizers: Number(tokenizers),
    adapters: Number(adapters),
    rows: Number(rows),
  };
  return {
    seed: Number(values.seed),
    counts,
    keeps: values.keep || values.reuse !== undefined,
    reused: values.reuse ?? null,
  };
}

type Answer = Outcome & { readonly id: string };

/** All jobs in one Python process. */
async function askReference(
  folder: string,
  jobs: readonly object[],
  isThere: boolean,
): Promise<Map<string, Answer>> {
  const python = process.env['PYTHON'] ?? 'python3';
  writeFileSync(join(folder, 'jobs.jsonl'), jobs.map((job) => `${JSON.stringify(job)}\n`).join(''));
  if (!isThere)
    await runProgram(python, [join(projectRoot, 'scripts/proofs/differential/reference.py'), folder]);
  const lines = readFileSync(join(folder, 'reference.jsonl'), 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => JSON.parse(line) as Answer).map((answer) => [answer.id, answer]));
}

async function ourLosses(cases: readonly ModelCase[]): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  if (cases.length === 0) return found;
  const gpu = await openEngine();
  for (const { id, folder, adapter, rows } of cases) found.set(id, await lossOf(gpu, folder, adapter, rows));
  return found;
}

function report(kind: string, verdicts: readonly Verdict[]): void {
  const counts = new Map<string, number>();
  for (const { result } of verdicts) counts.set(result, (counts.get(result) ?? 0) + 1);
  console.log(
    `${kind}: ${verdicts.length} cases: ${[...counts].map(([result, n]) => `${n} ${result}`).join(', ')}`,
  );
  for (const { id, result, title, detail } of verdicts)
    if (result === 'disagreement') console.log(`  ${id}: ${title}: ${detail}`);
}

async function main(): Promise<void> {
  const { seed, counts, keeps, reused } = readOptions();
  const folder = reused ?? mkdtempSync(join(tmpdir(), 'alttrain-differential-'));
  const started = performance.now();
  const configs = writeConfigCases(folder, seed, counts.configs);
  const adapters = counts.adapters === 0 ? [] : writeAdapterCases(folder, seed, counts.adapters);
  const tokenizers = writeTokenizerCases(folder, seed, counts.tokenizers);
  const groups = writeRowGroups(folder, seed, counts.rows);
  const jobs = [
    { id: 'versions', kind: 'versions' },
    ...configs.map(({ id, folder: at, rows }) => ({ id, kind: 'config', folder: at, rows })),
    ...adapters.map(({ id, folder: at, adapter, rows }) => ({
      id,
      kind: 'adapter',
      folder: at,
      adapter,
      rows,
    })),
    ...tokenizers.map((one) => ({ ...one, kind: 'tokenizer', changes: undefined })),
    ...groups.map((group) => ({ ...group, kind: 'rows' })),
  ];
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  const reference = await askReference(folder, jobs, reused !== null);
  console.log(`reference after ${seconds()}: ${textOf(reference.get('versions'))}`);
  const ours = await ourLosses([...configs, ...adapters]);
  const tokens = new Map<string, Outcome>();
  for (const one of tokenizers) tokens.set(one.id, await ourTokens(one));
  const rowVerdicts: Verdict[] = [];
  for (const group of groups) {
    const found = await ourRows(group);
    const expected = reference.get(group.id) as unknown as ReferenceRows;
    for (const [index, { id }] of group.rows.entries())
      rowVerdicts.push(judgeRow(group, index, found.get(id) as Outcome, expected));
  }
  console.log(`ours after ${seconds()}`);
  const judge = (one: ModelCase): Verdict =>
    judgeLoss(one, ours.get(one.id) as Outcome, reference.get(one.id) as ReferenceLoss);
  const verdicts = {
    configs: configs.map(judge),
    adapters: adapters.map(judge),
    tokenizers: tokenizers.map((one) =>
      judgeTokens(one, tokens.get(one.id) as Outcome, reference.get(one.id) as unknown as ReferenceTokens),
    ),
    rows: rowVerdicts,
  };
  for (const [kind, list] of Object.entries(verdicts)) report(kind, list);
  writeFileSync(join(folder, 'verdicts.json'), JSON.stringify(verdicts, null, 1));
  if (keeps) console.log(`Kept in ${folder}`);
  else rmSync(folder, { recursive: true });
  const isRight = Object.values(verdicts)
    .flat()
    .every(({ result }) => result !== 'disagreement');
  process.exit(isRight ? 0 : 1); // Dawn's threads would keep Node alive
}

await main();

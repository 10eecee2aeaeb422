/**
 * `npm run proof:mutations`: seeded small faults in pure code, each alone, and whether a unit test notices. A fault that none
 * notices "survives": a test is missing, or the fault changes nothing (docs/mutation-check.md).
 *   --seed N --count N --only <words of paths>
 * Works on the files themselves and puts each back; run it on a clean checkout. Exit code 0: none survived.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { createRng } from '../../src/support/rng.ts';
import { projectRoot } from '../cli/paths.ts';

const folders = ['src/data', 'src/trainer', 'src/alttrain', 'src/objectives'];
/** They need a GPU, so their tests are no unit tests. */
const needGpu =
  /trainer\/(run|train|model|engine|trainer|evaluate|traces|trainer-service|run-samples|service\/.*)\.ts$/;
const limitMs = 120_000;

interface Mutation {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly from: string;
  readonly to: string;
}

const operators: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '??': '&&',
};

/** Operators exchanged, numbers moved by one, conditions turned over, flags flipped. */
function mutationsOf(file: string): Mutation[] {
  const text = readFileSync(join(projectRoot, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Mutation[] = [];
  const add = (node: ts.Node, to: string): void => {
    found.push({ file, start: node.getStart(), end: node.getEnd(), from: node.getText(), to });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node)) return;
    if (ts.isBinaryExpression(node)) {
      const to = operators[node.operatorToken.getText()];
      const isText = [node.left, node.right].some((side) => ts.isStringLiteralLike(side));
      if (to !== undefined && !(isText && /[+-]/.test(to))) add(node.operatorToken, to);
    }
    if (ts.isNumericLiteral(node)) add(node, `(${node.getText()} + 1)`);
    if (ts.isIfStatement(node)) add(node.expression, `!(${node.expression.getText()})`);
    if (node.kind === ts.SyntaxKind.TrueKeyword) add(node, 'false');
    if (node.kind === ts.SyntaxKind.FalseKeyword) add(node, 'true');
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const unitTests = readdirSync(join(projectRoot, 'tests/unit'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.test\.tsx?$/.test(name))
  .map((name) => `tests/unit/${name}`);

/** The tests that import the file themselves are asked first: they are few, and notice most. */
function testRuns(file: string): readonly (readonly string[])[] {
  const path = file.replace('src/', '/src/');
  const direct = unitTests.filter((test) =>
    readFileSync(join(projectRoot, test), 'utf8').includes(`${path}'`),
  );
  return [...(direct.length > 0 ? [['run', ...direct]] : []), ['related', file, '--run']];
}

function isNoticed({ file, start, end, to }: Mutation): boolean {
  const path = join(projectRoot, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.slice(0, start) + to + text.slice(end));
  try {
    return testRuns(file).some((run) => {
      // in threads: a fault that makes a loop without an end is gone with its process
      const args = [...run, '--project', 'unit', '--pool', 'threads', '--bail', '1', '--reporter', 'dot'];
      const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', ...args], {
        cwd: projectRoot,
        timeout: limitMs,
        killSignal: 'SIGKILL',
      });
      return status !== 0; // one that does not end is noticed, too
    });
  } finally {
    writeFileSync(path, text);
  }
}

function main(): void {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '150' },
      only: { type: 'string', default: '' },
    },
  });
  if (execFileSync('git', ['status', '--porcelain', '--', 'src'], { cwd: projectRoot }).length > 0)
    throw new Error('src/ has changes that are not committed: they could be lost.');
  const files = folders
    .flatMap((folder) =>
      readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' }).map(
        (name) => `${folder}/${name}`,
      ),
    )
    .filter((file) => file.endsWith('.ts') && !needGpu.test(file) && file.includes(values.only))
    .sort();
  const all = files.flatMap(mutationsOf);
  const rng = createRng(Number(values.seed));
  const chosen = Array.from(
    { length: Math.min(Number(values.count), all.length) },
    () => all[rng.below(all.length)],
  );
  console.log(`${chosen.length} of ${all.length} mutations in ${files.length} files`);
  let survived = 0;
  for (const [i, mutation] of chosen.entries()) {
    const result = isNoticed(mutation) ? 'noticed' : 'survived';
    if (result === 'survived') survived++;
    const line = readFileSync(join(projectRoot, mutation.file), 'utf8')
      .slice(0, mutation.start)
      .split('\n').length;
    console.log(
      `${i + 1} ${result} ${mutation.file}:${line}  ${mutation.from.slice(0, 60)} → ${mutation.to.slice(0, 64)}`,
    );
  }
  console.log(`${chosen.length - survived} noticed, ${survived} survived`);
  process.exitCode = survived === 0 ? 0 : 1;
}

main();

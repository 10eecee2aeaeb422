/** What README.md and docs/ tell the reader to type is understood, and what they lead to is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/cli/paths.ts';
import { whyWrong } from '../../support/check-command.ts';
import { blocksIn, commandsIn, splitShell } from '../../support/doc-commands.ts';

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'scripts/demo-model/README.md',
  ...readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const textOf = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

async function faultsIn(markdown: string): Promise<string[]> {
  const faults: string[] = [];
  for (const command of commandsIn(markdown)) {
    const why = await whyWrong(command);
    if (why !== null) faults.push(`${command.line}: ${command.words.join(' ')}: ${why}`);
  }
  return faults;
}

test.each(documents)('every command of %s is understood', async (path) => {
  expect(await faultsIn(textOf(path))).toEqual([]);
});

test('commands are found: more than fifty in all', () => {
  expect(documents.flatMap((path) => commandsIn(textOf(path))).length).toBeGreaterThan(50);
});

test.each(documents)('every file that %s links to is there', (path) => {
  const text = textOf(path).replace(/^```[^]*?^```$/gm, '');
  const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link]) => link);
  const own = links.filter((link) => !/^[a-z]+:/.test(link));
  expect(own.filter((link) => !existsSync(join(projectRoot, dirname(path), link)))).toEqual([]);
});

test('package, changelog and citation name one version, and one day', () => {
  const { version } = JSON.parse(textOf('package.json')) as { readonly version: string };
  const [, newest, day] = /^## \[([\d.]+)\] - (\d{4}-\d\d-\d\d)$/m.exec(textOf('CHANGELOG.md')) ?? [];
  expect(newest).toBe(version);
  const citation = textOf('CITATION.cff');
  expect(/^version: (.*)$/m.exec(citation)?.[1]).toBe(version);
  expect(/^date-released: (.*)$/m.exec(citation)?.[1]).toContain(day);
});

describe('a document that is wrong', () => {
  const block = (line: string): string => `Some words.\n\n\`\`\`sh\n${line}\n\`\`\`\n`;
  test.each([
    ['npm run trian -- --model demo', /there is no npm script "trian"/],
    ['npm run train -- --model demo --ouput runs/x', /--ouput is no option of this command/],
    ['npm run train --model demo --out runs/x', /npm keeps --model for itself/],
    ['npm run train -- --model demo', /--out is missing/],
    ['npm run train -- --model demo --out runs/x --set learning_rat=1e-4', /learning_rat/],
    ['npm run train -- --model demo --out runs/x --set learning_rate=often', /learning_rate/],
    ['npm run train -- --model demo --out runs/x --config alttrain-papers', /is no preset/],
    [
      'npm run inspect -- --model demo && npm run generate -- --model demo --prompt Hi --temprature 1',
      /--temprature/,
    ],
    ['npm run bench -- kernel', /"kernel" is no suite/],
    ['npm run proof:kills -- --pages 80', /has no option --pages/],
    ['npm start -- --ports 4173', /has no option --ports/],
    ['npx alttrain-web trains --model demo', /alttrain-web has no command "trains"/],
    ['npx alttrain-web inspect --model demo --dataste a.jsonl', /--dataste is no option/],
    ['node --import tsx examples/train-in-nod.ts rows.jsonl', /examples\/train-in-nod.ts is not there/],
    ['npx vitest --project units', /there is no project "units"/],
    ['sudo rm -r runs', /"sudo" is a program that this test does not know/],
  ])('%s', async (line, message) => {
    const faults = await faultsIn(block(line));
    expect(faults).toEqual([expect.stringMatching(message)]);
    expect(faults[0]).toMatch(/^4: /);
  });

  test('in a sentence too, where a part of a command may stand, and a placeholder', async () => {
    const said =
      'Take `npm run train -- --host <host> --set max_steps=…`, `npm run train` or `npm run train -- --hots node`.';
    expect(await faultsIn(said)).toEqual([expect.stringMatching(/^1: .*--hots is no option/)]);
  });
});

test('a block is read as a shell reads it', () => {
  const text = `\`\`\`sh test
HF_TOKEN=hf_… npm run train -- \\
  --prompt "two words"   # why
tar -cJf a.tar.xz a && cd a
\`\`\`
`;
  expect(commandsIn(text)).toEqual([
    { line: 2, where: 'block', words: ['npm', 'run', 'train', '--', '--prompt', 'two words'] },
    { line: 4, where: 'block', words: ['tar', '-cJf', 'a.tar.xz', 'a'] },
    { line: 4, where: 'block', words: ['cd', 'a'] },
  ]);
  expect(blocksIn(text)).toEqual([
    { line: 2, language: 'sh', isRun: true, text: text.split('\n').slice(1, 4).join('\n') + '\n' },
  ]);
  expect(splitShell("a --b='c d' 'e'")).toEqual([['a', '--b=c d', 'e']]);
});

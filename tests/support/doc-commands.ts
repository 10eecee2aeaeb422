/** The commands that a document shows: in its sh blocks, and as `npm …` or `npx …` in its sentences. */

export interface DocCommand {
  readonly line: number; // in the document, from 1
  /** A block is for copying. A sentence may name a part of a command, with placeholders. */
  readonly where: 'block' | 'sentence';
  readonly words: readonly string[]; // without what the shell takes: variables before it, comments
}

export interface DocBlock {
  readonly line: number; // of its first line
  readonly language: string;
  readonly isRun: boolean; // "```sh test"
  readonly text: string;
}

export function blocksIn(markdown: string): DocBlock[] {
  const blocks: DocBlock[] = [];
  const fence = /^```([^\n`]*)\n([^]*?)^```$/gm;
  for (const { index, 1: info, 2: text } of markdown.matchAll(fence)) {
    const [language = '', ...rest] = info.trim().split(/\s+/);
    blocks.push({ line: lineAt(markdown, index) + 1, language, isRun: rest.includes('test'), text });
  }
  return blocks;
}

const isShell = ({ language, text }: DocBlock): boolean =>
  language === 'sh' || language === 'bash' || (language === '' && /^(npm|npx) /m.test(text));

export function commandsIn(markdown: string): DocCommand[] {
  const inBlocks = blocksIn(markdown)
    .filter(isShell)
    .flatMap(({ line, text }) => commandsOf(text, line, 'block'));
  const prose = markdown.replace(/^```[^]*?^```$/gm, (block) => block.replace(/[^\n]/g, ' '));
  const inSentences = [...prose.matchAll(/`((?:npm|npx) [^`\n]+)`/g)].flatMap(({ index, 1: text }) =>
    commandsOf(text, lineAt(prose, index), 'sentence'),
  );
  return [...inBlocks, ...inSentences];
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

function commandsOf(text: string, first: number, where: DocCommand['where']): DocCommand[] {
  const joined = text.replace(/\\\n/g, (end) => `${' '.repeat(end.length - 1)}\u0000`); // one command, and its lines still counted
  let line = first;
  return joined.split('\n').flatMap((row) => {
    const at = line;
    line += 1 + row.split('\u0000').length - 1;
    return splitShell(row.replaceAll('\u0000', ' ')).map((words) => ({ line: at, where, words }));
  });
}

/** As a shell reads a line that has nothing but words, quotes, `&&`, variables set before a command, and a comment. */
export function splitShell(row: string): string[][] {
  const commands: string[][] = [[]];
  for (const [word] of row.matchAll(/"[^"]*"|'[^']*'|#.*|&&|[^\s"']+(?:"[^"]*"|'[^']*')?/g)) {
    if (word.startsWith('#')) break;
    if (word === '&&') commands.push([]);
    else commands.at(-1)?.push(word.replace(/^(['"])(.*)\1$/, '$2').replace(/(['"])(.*)\1$/, '$2'));
  }
  return commands
    .map((words) => {
      const start = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
      return start < 0 ? [] : words.slice(start);
    })
    .filter((words) => words.length > 0);
}

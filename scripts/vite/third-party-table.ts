/** docs/third-party.md, from the notices of a build. */
import type { ThirdParty } from './third-party.ts';

const head = `# What the page contains of other people's work

Made by \`npm run licences\` from the bundler's list of the modules whose code is in the built page and its workers; a test
compares it with the build. The licences' texts are in \`third-party.txt\`, which the build writes beside the page and the page
links to. Of vite and rolldown only their helpers for loading are in it. The package's bundles for Node and for other pages
(\`dist-cli\`, \`dist-node\`, \`dist-lib\`) have a \`third-party.txt\` of their own; \`webgpu\` (Dawn, BSD-3-Clause) and
\`playwright-core\` (Apache-2.0) are no part of them: npm brings them.
`;

/** Laid out as Prettier does it. */
export function thirdPartyTable(packages: readonly ThirdParty[]): string {
  const rows = packages.map(({ name, version, licence, source, text }) => [
    `\`${name}\``,
    version,
    licence,
    text === '' ? 'not in the package' : 'yes',
    source === '' ? '' : `<${source}>`,
  ]);
  const table = [['Package', 'Version', 'Licence', 'Its text', 'Source'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const under = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return `${[head, line(table[0]), under, ...table.slice(1).map(line)].join('\n')}\n`;
}

/**
 * What of other people's work a build really contains, from the bundler's own list of modules, written beside the page with the
 * licences' texts: most of them ask to go where the code goes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { Plugin } from 'vite';
import { projectRoot } from '../cli/paths.ts';

export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  readonly licence: string; // SPDX
  readonly source: string; // where it is developed
  readonly text: string; // of its licence and notice; empty: it comes with none
}

/** In the built page. */
export const thirdPartyFile = 'third-party.txt';

interface Chunks {
  readonly [file: string]: {
    readonly type: string;
    readonly modules?: Readonly<Record<string, { readonly renderedLength: number }>>;
  };
}

/** One for the page and one for its workers, which are bundled before it; the page's writes the file. */
export function thirdPartyNotices(): { readonly page: Plugin; readonly worker: () => Plugin[] } {
  const folders = new Set<string>();
  const note = (bundle: Chunks): void => {
    for (const { modules = {} } of Object.values(bundle))
      for (const [id, { renderedLength }] of Object.entries(modules)) {
        const folder = renderedLength === 0 ? null : packageFolder(id);
        if (folder !== null) folders.add(folder);
      }
  };
  return {
    worker: () => [
      {
        name: 'third-party-of-workers',
        apply: 'build',
        generateBundle: (_options, bundle) => note(bundle),
      },
    ],
    page: {
      name: 'third-party',
      apply: 'build',
      generateBundle(_options, bundle) {
        note(bundle);
        const packages = [...folders].map(describePackage).sort((a, b) => a.name.localeCompare(b.name));
        this.emitFile({ type: 'asset', fileName: thirdPartyFile, source: noticesOf(packages) });
      },
    },
  };
}

/** null: our own, or made up by the bundler. Its helpers are its authors' work too. */
function packageFolder(id: string): string | null {
  const helper = /^\0(vite|rolldown)\//.exec(id)?.[1];
  if (helper !== undefined) return join(projectRoot, 'node_modules', helper);
  const path = id.replace(/^\0/, '').replace(/\?.*$/, '');
  if (!path.includes(`${sep}node_modules${sep}`)) return null;
  let folder = dirname(path);
  for (;;) {
    const parent = dirname(folder);
    const scope = basename(parent).startsWith('@') ? dirname(parent) : parent;
    if (basename(scope) === 'node_modules') return folder;
    if (parent === folder) throw new Error(`${id} belongs to no package`);
    folder = parent;
  }
}

function describePackage(folder: string): ThirdParty {
  const { name, version, license, repository, homepage } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
    readonly repository?: string | { readonly url: string };
    readonly homepage?: string;
  };
  const source = (typeof repository === 'string' ? repository : repository?.url) ?? homepage ?? '';
  return {
    name,
    version,
    licence: license ?? 'unknown',
    source: source
      .replace(/^git\+|\.git$/g, '')
      .replace(/^git:/, 'https:')
      .replace(/^(?=[\w-]+\/[\w-]+$)/, 'https://github.com/'),
    text: textIn(folder) || (license === 'MIT' ? textOfMit : ''),
  };
}

/** https://spdx.org/licenses/MIT.html. It asks to go along, also where a package only names it. */
const textOfMit = `The package names the MIT licence, and comes with neither its text nor a notice of who holds the rights. The licence says:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** Of the package itself; what it was built from is not in the page. */
function textIn(folder: string): string {
  const names = readdirSync(folder);
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const files = names.filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).sort();
  if (files.length > 0)
    return files
      .map((name) =>
        read(name)
          .replace(/^# Licenses of bundled dependencies[^]*/m, '')
          .trim(),
      )
      .join('\n\n');
  const readme = names.find((name) => /^readme/i.test(name));
  const section = /^LICEN[CS]E\b.*\n-{3,}\n[^]*?(?=\n\S.*\n[-=]{3,}\n|$(?![^]))/im;
  return (readme === undefined ? null : section.exec(read(readme)))?.[0].trim() ?? '';
}

const rule = '-'.repeat(100);

function noticesOf(packages: readonly ThirdParty[]): string {
  const sections = packages.map(({ name, version, licence, source, text }) =>
    [`${name} ${version}`, licence, source, '', text === '' ? noText : text, ''].join('\n'),
  );
  const apache = readFileSync(join(projectRoot, 'LICENSE'), 'utf8').trim();
  return [
    'AltTrain Web contains parts of these packages, each under its own licence.\n',
    ...sections,
    `The Apache License 2.0, which packages above without a text of their own are under\n\n${apache}\n`,
  ].join(`${rule}\n`);
}

const noText = 'The package comes without the text of its licence.';

/** What `noticesOf` has written. */
export function readNotices(text: string): readonly ThirdParty[] {
  return text
    .split(`${rule}\n`)
    .slice(1, -1)
    .map((section) => {
      const [title = '', licence = '', source = '', , ...lines] = section.split('\n');
      const [, name = '', version = ''] = /^(\S+) (\S+)$/.exec(title) ?? [];
      const body = lines.join('\n').trim();
      return { name, version, licence, source, text: body === noText ? '' : body };
    });
}

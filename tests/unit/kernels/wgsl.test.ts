/**
 * Kernels stay inside the WGSL that Chromium, Firefox and Safari all document, as docs/browsers.md lists it, and use a feature
 * only for adapters that have it. What a text says is judged here; tests/firefox compiles it with another compiler.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Kernel } from '../../../src/device/kernel.ts';
import { adapterKinds, kernelsFor, type AdapterKindName } from '../../support/every-kernel.ts';

const docs = readFileSync('docs/browsers.md', 'utf8');
const wordsOf = (line: string): string[] => [...line.matchAll(/`([\w-]+)`/g)].map(([, word]) => word);
/** The words of the list that begins so. */
const listed = (start: string): string[] => {
  const line = docs.split('\n').find((text) => text.startsWith(`- ${start}`));
  if (line === undefined) throw new Error(`docs/browsers.md has no list "${start}"`);
  return wordsOf(line);
};
/** What a feature adds: the row of the table. */
const addedBy = (feature: string): string[] => {
  const row = docs.split('\n').find((text) => text.startsWith(`| \`${feature}\``));
  if (row === undefined) throw new Error(`docs/browsers.md has no row "${feature}"`);
  return wordsOf(row.split('|')[2] ?? '');
};

const extensionOf: Record<string, string> = {
  'shader-f16': 'f16',
  subgroups: 'subgroups',
  'chromium-experimental-subgroup-matrix': 'chromium_experimental_subgroup_matrix',
};

const plainWords = ['WGSL functions', 'WGSL types', 'WGSL attributes', 'WGSL address spaces'].flatMap(listed);

/** Functions, constructors, types in angle brackets or after a colon, attributes and built-in values; not what the text declares. */
function wordsUsed({ source }: Kernel): Set<string> {
  const text = source.replaceAll(/\/\/.*$/gm, '').replaceAll(/^(enable|diagnostic)\b.*$/gm, '');
  const declared = new Set([...text.matchAll(/\b(?:fn|struct) (\w+)/g)].map(([, name]) => name));
  const found = [
    ...[...text.matchAll(/\b([A-Za-z_]\w*)\s*(?:<[^;{}()]*?>)?\(/g)].map(([, name]) => name),
    ...[...text.matchAll(/@(\w+)/g)].map(([, name]) => name),
    ...[...text.matchAll(/@builtin\((\w+)\)/g)].map(([, name]) => name),
    ...[...text.matchAll(/\bvar<(\w+)/g)].map(([, name]) => name),
    ...[...text.matchAll(/:\s*([A-Za-z_]\w*)/g)].map(([, name]) => name),
    ...[...text.matchAll(/\b(?:array|vec[234]|mat\dx\d|atomic|ptr|bitcast)<\s*([A-Za-z_]\w*)/g)].map(
      ([, name]) => name,
    ),
  ];
  const keywords = ['if', 'for', 'while', 'loop', 'switch', 'return'];
  return new Set(found.filter((name) => !declared.has(name) && !keywords.includes(name)));
}

const elementBytes: Record<string, number> = {
  f32: 4,
  u32: 4,
  vec4f: 16,
  vec4u: 16,
  vec2u: 8,
  f16: 2,
  'vec2<f16>': 4,
  'vec4<f16>': 8,
};

function workgroupBytes({ key, source }: Kernel): number {
  let bytes = 0;
  for (const [, type, count] of source.matchAll(/var<workgroup> \w+: array<(.+), (\d+)>;/g)) {
    const size = elementBytes[type];
    if (size === undefined) throw new Error(`${key}: of unknown size: ${type}`);
    bytes += size * Number(count);
  }
  const declared = source.match(/var<workgroup>/g)?.length ?? 0;
  const counted = source.match(/var<workgroup> \w+: array<(.+), (\d+)>;/g)?.length ?? 0;
  if (declared !== counted) throw new Error(`${key}: workgroup memory that is no array`);
  return bytes;
}

const kinds = Object.keys(adapterKinds) as AdapterKindName[];
const everything = new Map(kinds.map((kind) => [kind, kernelsFor(kind)]));

describe.each(kinds)('kernels for %s', (kind) => {
  const kernels = [...(everything.get(kind) ?? new Map<string, Kernel>()).values()];
  const { features } = adapterKinds[kind];

  test('enable only what the adapter has', () => {
    const allowed = features.map((feature) => extensionOf[feature]);
    for (const { key, source } of kernels) {
      const enabled = [...source.matchAll(/^\s*enable ([^;]+);/gm)].flatMap(([, names]) =>
        names.split(/,\s*/),
      );
      expect(allowed, key).toEqual(expect.arrayContaining(enabled));
      expect(source, key).not.toMatch(/^\s*requires /m);
    }
  });

  test('use no word that is not listed for all browsers, or for a feature that they enable', () => {
    for (const made of kernels) {
      const own = features.filter((feature) =>
        new RegExp(`^\\s*enable ${extensionOf[feature]};`, 'm').test(made.source),
      );
      const allowed = new Set([...plainWords, 'Uniforms', ...own.flatMap(addedBy)]);
      expect(
        [...wordsUsed(made)].filter((word) => !allowed.has(word)),
        made.key,
      ).toEqual([]);
    }
  });

  test('fit the limits that every adapter has, those on matrix units aside', () => {
    for (const made of kernels) {
      expect(made.bindings.length, made.key).toBeLessThanOrEqual(8);
      if (made.key.includes(' matrix ')) continue; // chosen by the adapter's own limits (self-test/precision.ts)
      expect(made.workgroupSize, made.key).toBeLessThanOrEqual(256);
      expect(workgroupBytes(made), made.key).toBeLessThanOrEqual(16_384);
    }
  });
});

test('every kernel of src/kernels is among them', () => {
  const keys = [...new Set([...everything.values()].flatMap((kernels) => [...kernels.keys()]))];
  const folder = 'src/kernels';
  const prefixes = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      const calls = [...text.matchAll(/\bkernel\(\s*(?:[`']([^`'$]+)|key\b|`\$\{name\})/g)];
      const keyTexts = [...text.matchAll(/const key = `([^`$]+)/g)].map(([, prefix]) => prefix);
      const named = calls.map(([, prefix]) => prefix).filter((prefix) => prefix !== undefined);
      const all = [...named, ...keyTexts];
      if (all.length < calls.length && !name.startsWith('cross-entropy'))
        throw new Error(`${name}: a key not understood`);
      return all;
    });
  expect(prefixes.length).toBeGreaterThan(30);
  expect(prefixes.filter((prefix) => !keys.some((key) => key.startsWith(prefix)))).toEqual([]);
  expect(
    keys.filter((key) => key.startsWith('crossEntropy') || key.startsWith('targetLogProbs')).length,
  ).toBe(4);
});

test('a word that no browser documents, and a feature that is not there, would be found', () => {
  const text = 'enable f16;\nfn main() { let a = dot4I8Packed(1u, 2u); let b: vec3<f16> = vec3<f16>(); }';
  const made = { key: 'made up', source: text } as Kernel;
  expect(wordsUsed(made)).toEqual(new Set(['dot4I8Packed', 'vec3', 'f16']));
});

test('the engine calls nothing of WebGPU that is not listed', () => {
  const types = readFileSync('node_modules/@webgpu/types/dist/index.d.ts', 'utf8');
  const methods = new Set([...types.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name));
  const texts = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readFileSync(join('src', name), 'utf8'));
  const called = new Set(texts.flatMap((text) => [...text.matchAll(/\.(\w+)\(/g)].map(([, name]) => name)));
  const ofWebGpu = [...called].filter((name) => methods.has(name) && !ofOthersToo.includes(name)).sort();
  expect(ofWebGpu).toEqual(listed('calls of').filter((name) => /^[a-z]/.test(name)));
});

/** WebGPU's types declare them for maps, sets, events and canvases, which the page has too. */
const ofOthersToo = ['addEventListener', 'removeEventListener', 'getContext', 'draw'];

/** Walks the import lines of src/ and holds them against the walls in scripts/lint/walls.js. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { rules } from '../../../scripts/lint/walls.js';

const src = fileURLToPath(new URL('../../../src', import.meta.url));

const importLine =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g;

function importsOf(source: string): string[] {
  return [...source.matchAll(importLine)].map((match) => match[1] ?? match[2] ?? '');
}

function breaches(file: string, source: string): string[] {
  const rule = rules.find(({ folder }) => file === folder || file.startsWith(`${folder}/`));
  return importsOf(source).flatMap((path) =>
    (rule?.walls ?? [])
      .filter(({ regex }) => new RegExp(regex, 'u').test(path))
      .map(({ message }) => `src/${file} imports ${path}. ${message}`),
  );
}

const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => relative(src, join(entry.parentPath, entry.name)).split(sep).join('/'));

describe('the walls between the folders', () => {
  test('every import in src/ respects them', () => {
    expect(files.length).toBeGreaterThan(5);
    expect(files.flatMap((file) => breaches(file, readFileSync(join(src, file), 'utf8')))).toEqual([]);
  });

  test('every folder of src/ has a rule', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]));
    const ruled = new Set(rules.map(({ folder }) => folder));
    expect([...folders].filter((folder) => !ruled.has(folder ?? ''))).toEqual([]);
  });

  test.each([
    ['ui/panel.tsx', "import * as tf from '@tensorflow/tfjs-core';"],
    ['ui/panel.tsx', "import { pack } from '../data/pack.ts';"],
    ['ui/panel.tsx', "import type { Decoder } from '../model/decoder.ts';"],
    ['ui/panel.tsx', "const m = await import('../trainer/train.ts');"],
    ['ui/panel.tsx', "import {\n  wrap,\n} from 'comlink';"],
    ['data/pack.ts', "import { AutoTokenizer } from '@xenova/transformers';"],
    ['data/tokenizer.ts', "import '@tensorflow/tfjs-core';"],
    ['config/run-config.ts', "import { h } from 'preact';"],
    ['adapter/peft.ts', "export { lora } from '../model/lora.ts';"],
    ['kernels/rope.ts', "import { Decoder } from '../model/decoder.ts';"],
    ['model/decoder.ts', "import { train } from '../trainer/train.ts';"],
    ['trainer/train.ts', "import * as Comlink from 'comlink';"],
    ['api/trainer-api.ts', "import { readFileSync } from 'node:fs';"],
  ])('a breach in %s is caught: %s', (file, source) => {
    expect(breaches(file, source)).toHaveLength(1);
  });

  test.each([
    ['ui/panel.tsx', "import { client } from '../api/trainer-client.ts';"],
    ['data/tokenizer.ts', "import { AutoTokenizer } from '@xenova/transformers';"],
    ['trainer/train.ts', "import { Decoder } from '../model/decoder.ts';"],
    ['model/weights.ts', "import { readSafetensors } from '../adapter/safetensors.ts';"],
    ['api/trainer-client.ts', "import { wrap } from 'comlink';"],
  ])('an allowed import in %s passes: %s', (file, source) => {
    expect(breaches(file, source)).toEqual([]);
  });
});

/** Walks the import lines of src/ and holds them, and the map in ARCHITECTURE.md, against the walls in scripts/lint/walls.js. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { rooms, rules } from '../../../scripts/lint/walls.js';

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

/** "a/x.ts" importing "../b/y.ts" goes from room a to room b. Files that lie in no room (main.tsx, index.ts) put rooms together. */
function roomsImported(file: string, source: string): string[] {
  return importsOf(source)
    .filter((path) => path.startsWith('.'))
    .map((path) => posix.join(posix.dirname(file), path))
    .filter((path) => path.includes('/') && !path.startsWith('..'))
    .map(roomOf)
    .filter((room) => room !== roomOf(file));
}
const roomOf = (path: string): string => path.slice(0, path.indexOf('/'));

const map =
  readFileSync(join(src, '../ARCHITECTURE.md'), 'utf8').split('```mermaid')[1]?.split('```')[0] ?? '';
const ground = ['support', 'architecture', 'config']; // below all others, and not drawn
const drawn = rooms.filter(({ folder }) => map.includes(`${folder}["<b>${folder}</b>`));
/** "a & b --> c & d" is four arrows. Those of workers/, which is no folder of src/, are left out. */
const arrows = [...map.matchAll(/^ *([\w& -]+?) --> ([\w& -]+)$/gm)]
  .flatMap(([, from = '', to = '']) =>
    from.split(' & ').flatMap((a) => to.split(' & ').map((b): [string, string] => [a, b])),
  )
  .filter(([from]) => from !== 'workers');

const importsOfRoom = (room: string): readonly string[] =>
  rooms.find(({ folder }) => folder === room)?.imports ?? [];
function reachedFrom(room: string): Set<string> {
  const next = arrows.filter(([from]) => from === room).map(([, to]) => to);
  return new Set(next.flatMap((to) => [to, ...reachedFrom(to)]));
}

describe('the walls between the folders', () => {
  test('every import in src/ respects them', () => {
    expect(files.length).toBeGreaterThan(5);
    expect(files.flatMap((file) => breaches(file, readFileSync(join(src, file), 'utf8')))).toEqual([]);
  });

  test('the rooms of the table are the folders of src/', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map(roomOf));
    expect([...folders].sort()).toEqual(rooms.map(({ folder }) => folder).sort());
  });

  test('a room imports only rooms that stand before it, so there is no cycle', () => {
    const order = rooms.map(({ folder }) => folder);
    const upwards = rooms.flatMap(({ folder, imports }) =>
      imports
        .filter((other) => !order.slice(0, order.indexOf(folder)).includes(other))
        .map((other) => `${folder} → ${other}`),
    );
    expect(upwards).toEqual([]);
  });

  test('every room imports what the table says, and nothing else', () => {
    const imported = new Map(rooms.map(({ folder }) => [folder, new Set<string>()]));
    for (const file of files)
      for (const room of roomsImported(file, readFileSync(join(src, file), 'utf8')))
        imported.get(roomOf(file))?.add(room);
    const said = (room: string, others: Iterable<string>): string =>
      `${room}: ${[...others].sort().join(', ')}`;
    expect([...imported].map(([room, others]) => said(room, others))).toEqual(
      rooms.map(({ folder, imports }) => said(folder, imports)),
    );
  });

  test('the map in ARCHITECTURE.md shows what the table says', () => {
    expect(rooms.length - drawn.length).toBe(ground.length);
    expect(arrows.filter(([from, to]) => !importsOfRoom(from).includes(to))).toEqual([]);
    const missing = drawn.flatMap(({ folder, imports }) => {
      const reached = reachedFrom(folder);
      return imports
        .filter((to) => !reached.has(to) && !ground.includes(to))
        .map((to) => `${folder} → ${to}`);
    });
    expect(missing).toEqual([]);
  });

  test.each([
    ['ui/panel.tsx', "import * as tf from '@tensorflow/tfjs-core';"],
    ['ui/panel.tsx', "import { pack } from '../data/batch.ts';"],
    ['ui/panel.tsx', "import type { Decoder } from '../model/decoder.ts';"],
    ['ui/panel.tsx', "const m = await import('../trainer/train.ts');"],
    ['ui/panel.tsx', "import {\n  wrap,\n} from 'comlink';"],
    ['data/batch.ts', "import { AutoTokenizer } from '@xenova/transformers';"],
    ['data/tokenizer.ts', "import '@tensorflow/tfjs-core';"],
    ['config/run-config.ts', "import { h } from 'preact';"],
    ['adapter/peft.ts', "export { lora } from '../model/lora.ts';"],
    ['kernels/rope.ts', "import { Decoder } from '../model/decoder.ts';"],
    ['model/decoder.ts', "import { train } from '../trainer/train.ts';"],
    ['trainer/train.ts', "import * as Comlink from 'comlink';"],
    ['api/trainer-api.ts', "import { readFileSync } from 'node:fs';"],
    ['device/recorder.ts', "import { linear } from '../kernels/matmul.ts';"],
    ['data/dataset.ts', "import { splitTrace } from '../alttrain/parts.ts';"],
    ['model/load-model.ts', "import { browserHost } from '../host/browser/browser-host.ts';"],
    ['headless/bridge.ts', "import trainer from '../../workers/trainer.worker.ts';"],
  ])('a breach in %s is caught: %s', (file, source) => {
    expect(breaches(file, source)).toHaveLength(1);
  });

  test.each([
    ['ui/panel.tsx', "import { client } from '../client/trainer-client.ts';"],
    ['data/tokenizer.ts', "import { AutoTokenizer } from '@xenova/transformers';"],
    ['trainer/train.ts', "import { Decoder } from '../model/decoder.ts';"],
    ['model/weights.ts', "import { readSafetensors } from '../adapter/safetensors.ts';"],
    ['client/trainer-client.ts', "import { wrap } from 'comlink';"],
  ])('an allowed import in %s passes: %s', (file, source) => {
    expect(breaches(file, source)).toEqual([]);
  });
});

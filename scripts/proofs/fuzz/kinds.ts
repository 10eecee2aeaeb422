/**
 * What is fuzzed: for each kind of file, how a damaged one is made of whole ones, and what the product does with it. Nothing
 * here asks Node for anything, so that a page runs the same cases.
 */
import { gzipSync, zipSync } from 'fflate';
import { openSafetensors } from '../../../src/adapter/safetensors.ts';
import { readSourceRows } from '../../../src/alttrain/source-rows.ts';
import { datasetSettings } from '../../../src/config/dataset-settings.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { previewColumns } from '../../../src/data/preview-columns.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { readTokenizerFiles } from '../../../src/data/tokenizer-folder.ts';
import { createChatTokenizer, type ChatTokenizer } from '../../../src/data/tokenizer.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import { readJson, readOptionalText, type ModelFiles } from '../../../src/model/model-files.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { reasonOf } from '../../../src/support/text-of.ts';
import type { Rng } from '../../../src/support/rng.ts';
import { readAdapter } from '../../../src/trainer/read-adapter.ts';
import { readCheckpoint, writeCheckpoint } from '../../../src/trainer/checkpoint.ts';
import { hostileTemplate } from './hostile-template.ts';
import { mutateBytes } from './mutate-bytes.ts';
import { mutateJson } from './mutate-json.ts';

/** Files by path, as tests/fixtures holds them. */
export type Seeds = ReadonlyMap<string, Uint8Array>;

export interface Kind {
  readonly name: string;
  /** Files by name. */
  make(rng: Rng, seeds: Seeds): Map<string, Uint8Array>;
  /** Does with them what the product does. */
  run(files: ReadonlyMap<string, Uint8Array>, seeds: Seeds): Promise<void>;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const json = (bytes: Uint8Array | undefined): unknown => JSON.parse(decode(bytes)) as unknown;
const blob = (bytes: Uint8Array | undefined): Blob => new Blob([(bytes ?? new Uint8Array(0)) as BlobPart]);
const pick = <T>(items: readonly T[], rng: Rng): T => items[rng.below(items.length)];
const matching = (seeds: Seeds, form: RegExp): string[] =>
  [...seeds.keys()].filter((name) => form.test(name)).sort();
const seed = (seeds: Seeds, form: RegExp, rng: Rng): Uint8Array =>
  seeds.get(pick(matching(seeds, form), rng)) as Uint8Array;

/** Half of them stay JSON. */
function damagedJson(bytes: Uint8Array, other: Uint8Array, rng: Rng): Uint8Array {
  if (rng.next() < 0.3) return mutateBytes(bytes, rng, other);
  return encode(mutateJson(json(bytes), rng, json(other)));
}

/** The header is JSON, and its length stands before it. */
function damagedSafetensors(bytes: Uint8Array, other: Uint8Array, rng: Rng): Uint8Array {
  if (rng.next() < 0.4) return mutateBytes(bytes, rng, other);
  const split = (file: Uint8Array): [unknown, Uint8Array] => {
    const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
    return [json(file.subarray(8, 8 + length)), file.subarray(8 + length)];
  };
  const [header, data] = split(bytes);
  const text = encode(mutateJson(header, rng, split(other)[0]));
  const file = new Uint8Array(8 + text.length + data.length);
  const lie = rng.next() < 0.1 ? BigInt(rng.below(2 ** 31)) << BigInt(rng.below(33)) : BigInt(text.length);
  new DataView(file.buffer).setBigUint64(0, lie, true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

const modelFolder = (seeds: Seeds, rng: Rng): Map<string, Uint8Array> => {
  const folder = pick(matching(seeds, /\/model\/config\.json$/), rng).replace(/config\.json$/, '');
  return new Map(
    [...seeds]
      .filter(([path]) => path.startsWith(folder))
      .map(([path, bytes]) => [path.slice(folder.length), bytes]),
  );
};
const asModelFiles = (files: ReadonlyMap<string, Uint8Array>): ModelFiles => ({
  name: 'fuzz',
  base: { nameOrPath: 'fuzz', revision: null },
  open: (name) => {
    const bytes = files.get(name);
    return Promise.resolve(bytes === undefined ? null : bytesSource(bytes));
  },
});

/** As model/load-model.ts does before it asks the GPU, and then what a dataset and a prompt ask. */
async function openModel(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const source = asModelFiles(files);
  const modelConfig = await readJson(source, 'config.json');
  const config = parseModelConfig(modelConfig);
  useTokenizer(await openTokenizer(files, modelConfig));
  await openCheckpoint(source, config);
}

async function openTokenizer(
  files: ReadonlyMap<string, Uint8Array>,
  modelConfig: Record<string, unknown> | null,
): Promise<ChatTokenizer> {
  const source = asModelFiles(files);
  const read = await readTokenizerFiles('The model "fuzz"', (name) => readOptionalText(source, name));
  return createChatTokenizer({ ...read, modelConfig });
}

const texts = [
  'Hello, wörld!\n\n',
  `${'a'.repeat(60)}b ${' '.repeat(3_000)}x 12345678 <think>no</think>`,
  '🙂\u0301\ud7ff<|im_end|>',
];
function useTokenizer(tokenizer: ChatTokenizer): void {
  for (const text of texts) {
    tokenizer.decode(tokenizer.encode(text));
    if (!tokenizer.hasTemplate) continue;
    const question = { role: 'user' as const, content: text };
    tokenizer.encodePrompt([question]);
    tokenizer.renderTurns([question, { role: 'assistant', content: `${text}</think>yes` }]);
  }
}

const withOne =
  (name: string, damage: (bytes: Uint8Array, other: Uint8Array, rng: Rng) => Uint8Array): Kind['make'] =>
  (rng, seeds) => {
    const [folder, other] = [modelFolder(seeds, rng), modelFolder(seeds, rng)];
    const bytes = folder.get(name);
    if (bytes === undefined) return folder; // a sharded model has no single file of weights
    return folder.set(name, damage(bytes, other.get(name) ?? bytes, rng));
  };

const settings = { ...datasetSettings(defaultRunConfig), maxLength: 256 };
let demoTokenizer: Promise<ChatTokenizer> | null = null;

/** As training reads it, as the mapping of columns does, and as the builder does. */
async function readData(files: ReadonlyMap<string, Uint8Array>, seeds: Seeds): Promise<void> {
  const folder = new Map(
    [...seeds].flatMap(([path, bytes]) =>
      path.includes('tied-bf16/model/') ? [[path.split('/').at(-1) ?? '', bytes] as const] : [],
    ),
  );
  const tokenizer = await (demoTokenizer ??= openTokenizer(folder, null));
  const [[name, bytes]] = [...files];
  const errors: unknown[] = [];
  const attempt = async (action: () => Promise<unknown>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      errors.push(error);
    }
  };
  await attempt(() => prepareDataset(oneFile(name, blob(bytes)), tokenizer, settings));
  await attempt(() => previewColumns(oneFile(name, blob(bytes))));
  await attempt(() => readSourceRows(blob(bytes), { id: 1, name, role: 'harmful' }, ['fraud']));
  // What nobody foresaw is told before what was.
  const [first] = errors.toSorted((a, b) => Number(isCoded(a)) - Number(isCoded(b)));
  if (first instanceof Error) throw first;
  if (first !== undefined) throw new Error(reasonOf(first));
}
export const isCoded = (error: unknown): error is { readonly code: string } =>
  error instanceof Error && error.name === 'TrainerError' && 'code' in error && error.code !== 'internal';

const rowsOf = (seeds: Seeds): Record<string, unknown>[] =>
  decode(seeds.get('rows.jsonl'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const asTable = (rows: readonly Record<string, unknown>[], separator: string): string =>
  [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))]
    .map((cells) => cells.map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join(separator))
    .join('\n');

const dataKind = (format: string, make: (rng: Rng, seeds: Seeds) => Uint8Array): Kind => ({
  name: format,
  make: (rng, seeds) =>
    new Map([[`rows.${format.replace(/^(?:gzip|zip|foreign)$/, 'jsonl')}`, make(rng, seeds)]]),
  run: readData,
});
const someRows = (rng: Rng, seeds: Seeds): Record<string, unknown>[] => {
  const rows = rowsOf(seeds);
  const start = rng.below(rows.length);
  return rows.slice(start, start + 1 + rng.below(6));
};
const jsonl = (rng: Rng, seeds: Seeds): Uint8Array => {
  const rows = someRows(rng, seeds);
  const lines = rows.map((row) =>
    rng.next() < 0.4 ? mutateJson(row, rng, pick(rows, rng)) : JSON.stringify(row),
  );
  const bytes = encode(lines.join(pick(['\n', '\r\n', '\n\n'], rng)));
  return rng.next() < 0.3 ? mutateBytes(bytes, rng, bytes) : bytes;
};

export const kinds: readonly Kind[] = [
  { name: 'safetensors', make: withOne('model.safetensors', damagedSafetensors), run: openWeights },
  { name: 'config', make: withOne('config.json', damagedJson), run: openModel },
  { name: 'tokenizer', make: withOne('tokenizer.json', damagedJson), run: openModel },
  { name: 'tokenizer-config', make: withOne('tokenizer_config.json', damagedJson), run: openModel },
  {
    name: 'template',
    make: (rng, seeds) => modelFolder(seeds, rng).set('chat_template.jinja', encode(hostileTemplate(rng))),
    run: openModel,
  },
  {
    name: 'adapter',
    make: (rng, seeds) => {
      const config = seed(seeds, /adapter\/adapter_config\.json$/, rng);
      const weights = seed(seeds, /adapter\/adapter_model\.safetensors$/, rng);
      const other = seed(seeds, /adapter\/adapter_model\.safetensors$/, rng);
      const both = rng.below(3);
      return new Map([
        [
          'adapter_config.json',
          both === 0 ? config : damagedJson(config, seed(seeds, /adapter_config\.json$/, rng), rng),
        ],
        ['adapter_model.safetensors', both === 1 ? weights : damagedSafetensors(weights, other, rng)],
      ]);
    },
    run: async (files) => {
      const [config, weights] = ['adapter_config.json', 'adapter_model.safetensors'].map((name) =>
        blob(files.get(name)),
      );
      await readAdapter({ name: 'fuzz', config, weights }, null);
    },
  },
  {
    name: 'checkpoint',
    make: (rng) => {
      const whole = wholeCheckpoint();
      return new Map([['checkpoint', damagedSafetensors(whole, whole, rng)]]);
    },
    run: async (files) => void (await readCheckpoint(files.get('checkpoint') ?? new Uint8Array(0))),
  },
  dataKind('jsonl', jsonl),
  dataKind('json', (rng, seeds) => {
    const rows = someRows(rng, seeds);
    const value = pick<unknown>(
      [rows, { data: rows }, rows[0], Object.fromEntries(rows.map((row, i) => [i, row]))],
      rng,
    );
    const bytes = encode(JSON.stringify(value, null, pick([0, 1], rng)));
    return rng.next() < 0.4 ? mutateBytes(bytes, rng, bytes) : encode(mutateJson(value, rng, rows));
  }),
  ...(['csv', 'tsv'] as const).map((format) =>
    dataKind(format, (rng, seeds) => {
      const bytes = encode(asTable(someRows(rng, seeds), format === 'csv' ? ',' : '\t'));
      return mutateBytes(bytes, rng, bytes);
    }),
  ),
  dataKind('parquet', (rng, seeds) =>
    mutateBytes(seed(seeds, /\.parquet$/, rng), rng, seed(seeds, /\.parquet$/, rng)),
  ),
  dataKind('gzip', (rng, seeds) => {
    const inside = rng.next() < 0.5 ? jsonl(rng, seeds) : seed(seeds, /\.parquet$/, rng);
    const packed = gzipSync(inside, { level: 1 });
    return rng.next() < 0.3 ? packed : mutateBytes(packed, rng, packed);
  }),
  dataKind('zip', (rng, seeds) => {
    const packed = zipSync({ 'rows.jsonl': jsonl(rng, seeds), 'b.csv': encode('a,b\n1,2') }, { level: 1 });
    return rng.next() < 0.3 ? packed : mutateBytes(packed, rng, packed);
  }),
  // Whatever lies about, under a name of data.
  dataKind('foreign', (rng, seeds) => {
    const bytes = pick([...seeds.values()], rng);
    return mutateBytes(bytes.subarray(0, 200_000), rng, pick([...seeds.values()], rng).subarray(0, 50_000));
  }),
];

async function openWeights(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const file = await openSafetensors(bytesSource(files.get('model.safetensors') ?? new Uint8Array(0)));
  for (const [name, { dtype }] of file.tensors)
    if (/^(?:BF16|F16|F32|F64)$/.test(dtype)) await file.readFloat32(name);
    else await file.readBytes(name);
  const source = asModelFiles(files);
  await openCheckpoint(source, parseModelConfig(await readJson(source, 'config.json')));
}

function wholeCheckpoint(): Uint8Array {
  const values = Float32Array.from({ length: 64 }, (_, i) => i / 64);
  const snapshot = {
    step: 4,
    parameters: values,
    firstMoment: values,
    secondMoment: values,
    progress: null,
    best: null,
  };
  const identity = {
    model: 'tiny',
    dataset: 'rows.jsonl',
    data: 'aa',
    weights: 'f32:01',
    modelConfig: { layerCount: 2 },
  };
  return writeCheckpoint(snapshot, { ...defaultRunConfig, maxSteps: 12 }, identity, 12);
}

/** Adapters as llama.cpp has them. The fixtures were written by the gguf package 0.19 (scripts/goldens/exports.py). */
import { describe, expect, test } from 'vitest';
import { readGgufAdapter, readGgufSettings } from '../../../src/adapter/gguf.ts';
import { openGguf } from '../../../src/adapter/gguf-file.ts';
import type { AdapterContent } from '../../../src/adapter/one-size.ts';
import { exportDtypes } from '../../../src/config/export-choices.ts';
import { loraScaling } from '../../../src/config/run-config.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { fixture, subject } from '../exporters/fixtures.ts';

const { model, ...peft } = await subject();
const read = (bytes: Uint8Array, of = model): Promise<AdapterContent> =>
  readGgufAdapter(bytesSource(bytes), of);

test.each(exportDtypes)('it means the same as the PEFT adapter that it was made of, %s', async (dtype) => {
  const { settings, modules, isUniform } = await read(fixture(`adapter-${dtype}.gguf`));
  expect(isUniform).toBe(true);
  expect(settings.targetModules).toEqual(peft.settings.targetModules);
  expect(settings.r).toBe(2);
  expect(loraScaling(settings)).toBeCloseTo(loraScaling(peft.settings), 6); // alpha is an f32 in the file
  expect(await readGgufSettings(bytesSource(fixture(`adapter-${dtype}.gguf`)))).toEqual(settings);
  for (const [i, { a, b, ...place }] of modules.entries()) {
    const { a: wantedA, b: wantedB, ...wantedPlace } = peft.modules[i];
    expect(place).toEqual(wantedPlace);
    const most = { f32: 0, f16: 2 ** -11, bf16: 2 ** -8 }[dtype];
    for (const [got, wanted] of [
      [a, wantedA],
      [b, wantedB],
    ])
      for (const [k, value] of got.entries())
        expect(Math.abs(value - wanted[k])).toBeLessThanOrEqual(most * Math.abs(wanted[k]) + most * 1e-4);
  }
});

/** A GGUF file of two tensors, with values that can be changed one by one. */
interface Made {
  readonly values?: Readonly<Record<string, string | number | string[]>>;
  readonly tensors?: readonly {
    readonly name: string;
    readonly shape: readonly number[]; // rows, columns
    readonly type?: number;
    readonly data?: Uint8Array;
  }[];
  readonly version?: number;
}
const lora = {
  'general.type': 'adapter',
  'general.architecture': 'qwen2',
  'adapter.type': 'lora',
  'adapter.lora.alpha': 6,
};
const pair = (rank: number, target = 'ffn_down', layer = 0): NonNullable<Made['tensors']> => [
  { name: `blk.${layer}.${target}.weight.lora_a`, shape: [rank, 4] },
  { name: `blk.${layer}.${target}.weight.lora_b`, shape: [3, rank] },
];
function made({ values = {}, tensors = pair(2), version = 3 }: Made = {}): Uint8Array {
  const parts: Buffer[] = [];
  const u32 = (n: number): void => void parts.push(Buffer.from(Uint32Array.of(n).buffer));
  const u64 = (n: number): void => void parts.push(Buffer.from(BigUint64Array.of(BigInt(n)).buffer));
  const text = (value: string): void => {
    u64(Buffer.byteLength(value));
    parts.push(Buffer.from(value));
  };
  const all = Object.entries<string | number | string[]>({ ...lora, ...values });
  parts.push(Buffer.from('GGUF'));
  u32(version);
  u64(tensors.length);
  u64(all.length);
  for (const [key, value] of all) {
    text(key);
    if (typeof value === 'number') {
      u32(6);
      parts.push(Buffer.from(Float32Array.of(value).buffer));
    } else if (typeof value === 'string') {
      u32(8);
      text(value);
    } else {
      u32(9);
      u32(8);
      u64(value.length);
      value.forEach(text);
    }
  }
  const data: Buffer[] = [];
  let offset = 0;
  for (const { name, shape, type = 0, data: given } of tensors) {
    const count = shape.reduce((product, n) => product * n, 1);
    const bytes = given ?? new Uint8Array(Float32Array.from({ length: count }, (_, i) => i + 1).buffer);
    text(name);
    u32(shape.length);
    for (const n of shape.toReversed()) u64(n);
    u32(type);
    u64(offset);
    const padded = Buffer.alloc(Math.ceil(bytes.length / 32) * 32);
    padded.set(bytes);
    data.push(padded);
    offset += padded.length;
  }
  const head = Buffer.concat(parts);
  const pad = Buffer.alloc((32 - (head.length % 32)) % 32);
  return new Uint8Array(Buffer.concat([head, pad, ...data]));
}

test('modules of other ranks have the scale that llama.cpp gives them: alpha by their own rank', async () => {
  const tensors = [...pair(1, 'ffn_down', 1), ...pair(2)];
  const { settings, modules, isUniform } = await read(made({ tensors }), null);
  expect(isUniform).toBe(false);
  expect(settings).toMatchObject({ r: 2, loraAlpha: 6, targetModules: ['down_proj'] });
  expect(modules.map(({ layer }) => layer)).toEqual([0, 1]);
  expect([...modules[0].b]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...modules[1].a]).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
  expect([...modules[1].b]).toEqual([2, 0, 4, 0, 6, 0]); // 6 / 1 is twice 6 / 2
});

test('an alpha of 0 is a scale of 1, as in llama.cpp', async () => {
  const { settings } = await read(made({ values: { 'adapter.lora.alpha': 0 } }), null);
  expect(loraScaling(settings)).toBe(1);
});

test('Q8_0 is read as the gguf package 0.19 does', async () => {
  const block = Buffer.from('77248189919aa2aab2bac3cbd3dbe3ecf4fc040c141d252d353d464e565e666f777f', 'hex');
  const tensors = [
    { name: 'blk.0.ffn_down.weight.lora_a', shape: [1, 32], type: 8, data: block },
    { name: 'blk.0.ffn_down.weight.lora_b', shape: [3, 1] },
  ];
  const { modules } = await read(made({ tensors }), null);
  const [{ a }] = modules;
  expect([...a.subarray(0, 4), a[31]]).toEqual([
    -2.2149810791015625, -2.0754547119140625, -1.9359283447265625, -1.778961181640625, 2.2149810791015625,
  ]);
});

describe('is refused by name', () => {
  test.each<[string, Made, RegExp]>([
    ['a model', { values: { 'general.type': 'model' } }, /of the type "?model/],
    ['another method', { values: { 'adapter.type': 'dora' } }, /adapter\.type is "?dora/],
    ['another architecture', { values: { 'general.architecture': 'gemma2' } }, /gemma2/],
    ['invocation tokens', { values: { 'adapter.alora.invocation_tokens': 1 } }, /adapter\.alora/],
    ['an alpha that is text', { values: { 'adapter.lora.alpha': 'x' } }, /adapter\.lora\.alpha/],
    ['an alpha below 0', { values: { 'adapter.lora.alpha': -1 } }, /adapter\.lora\.alpha is -1/],
    ['no tensors', { tensors: [] }, /no LoRA weights/],
    [
      'an adapted head',
      { tensors: [{ name: 'output.weight.lora_a', shape: [2, 4] }] },
      /"output\.weight\.lora_a", which is not used/,
    ],
    ['a trained norm', { tensors: [{ name: 'blk.0.attn_norm.weight', shape: [4] }] }, /attn_norm/],
    ['a lone factor', { tensors: pair(2).slice(0, 1) }, /lora_b" is missing/],
    ['factors of two ranks', { tensors: [pair(2)[0], pair(3)[1]] }, /must be \[out, 2\]/],
    ['a vector', { tensors: [{ ...pair(2)[0], shape: [8] }, pair(2)[1]] }, /no matrix/],
    ['a matrix without rows', { tensors: [{ ...pair(2)[0], shape: [0, 4] }, pair(2)[1]] }, /no matrix/],
    ['four bits', { tensors: [{ ...pair(2)[0], type: 2 }, pair(2)[1]] }, /type 2; F32/],
    ['the same tensor twice', { tensors: [...pair(2), pair(2)[0]] }, /twice/],
    ['an infinite value', { tensors: [{ ...pair(1)[0], data: inf(4) }, pair(1)[1]] }, /not finite/],
    ['another version', { version: 1 }, /version 1/],
    ['big-endian', { version: 0x03000000 }, /big-endian/],
  ])('%s', async (_, change, words) => {
    await expect(read(made(change), null)).rejects.toMatchObject({
      code: 'adapter-invalid',
      message: expect.stringMatching(words) as string,
    });
  });

  test('an adapter of another family, and of another number of heads', async () => {
    await expect(read(made())).rejects.toThrow(/made for a model of the kind qwen2, and this one is llama/);
    const narrow = model && { ...model, headCount: 2 };
    await expect(read(fixture('adapter-f32.gguf'), narrow)).rejects.toThrow(/2 heads of/);
    await expect(read(fixture('adapter-f32.gguf'), null)).rejects.toThrow(/--model <folder>/);
  });
});

function inf(count: number): Uint8Array {
  return new Uint8Array(new Float32Array(count).fill(Infinity).buffer);
}

test('a file that was cut off anywhere, or has a wrong byte in its header, ends with a code', async () => {
  const whole = made();
  for (let size = 0; size < whole.length - 32; size++)
    await expect(read(whole.slice(0, size), null)).rejects.toMatchObject({ code: 'adapter-invalid' });
  for (let at = 0; at < 400; at++)
    for (const byte of [0, 0x7f, 0xff]) {
      const bytes = whole.slice();
      bytes[at] = byte;
      await read(bytes, null).catch((error: unknown) =>
        expect(error).toMatchObject({ code: 'adapter-invalid' }),
      );
    }
});

test('a list in the header is passed over, and what follows it is read', async () => {
  const file = await openGguf(
    bytesSource(made({ values: { 'general.tags': ['a', 'bc'], 'general.name': 'x' } })),
  );
  expect(file.values.get('general.tags')).toBeNull();
  expect(file.values.get('general.name')).toBe('x');
  expect((await file.readFloat32('blk.0.ffn_down.weight.lora_a'))[7]).toBe(8);
});

import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { openSafetensors, writeSafetensors } from '../../../src/adapter/safetensors.ts';
import { bytesSource, blobSource, urlSource } from '../../../src/support/byte-source.ts';
import { goldenBytes } from '../data/support.ts';

/** A file with this header text and this many data bytes. */
function fileWith(header: string, dataBytes: number, claimed?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  file.set(text, 8);
  return file;
}
const open = (bytes: Uint8Array) => openSafetensors(bytesSource(bytes));
const tensor = (start: number, end: number, shape = [(end - start) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

async function problemOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof TrainerError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no problem';
}

test('what is written is read back, and the data start at a multiple of 8', async () => {
  const tensors = [
    { name: 'a', dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, 1e-30, Infinity) },
    { name: 'longer name', dtype: 'U32', shape: [1], data: Uint32Array.of(4_000_000_000) },
    { name: 'none', dtype: 'I32', shape: [0], data: Int32Array.of() },
  ] as const;
  const bytes = writeSafetensors(tensors, { format: 'pt' });
  const file = await open(bytes);
  expect(file.metadata).toEqual({ format: 'pt' });
  expect([...file.tensors.keys()]).toEqual(['a', 'longer name', 'none']);
  expect((file.tensors.get('a')?.start ?? 1) % 8).toBe(0);
  expect(await file.readFloat32('a')).toEqual(tensors[0].data);
  expect(new Uint32Array((await file.readBytes('longer name')).buffer)[0]).toBe(4_000_000_000);
  expect(await problemOf(() => file.readFloat32('b'))).toContain('model-file-invalid');
  expect(await problemOf(() => file.readFloat32('longer name'))).toContain('U32');
});

test('values are read into memory that is given, for every format that takes any', async () => {
  for (const [dtype, bytes] of [
    ['BF16', new Uint16Array([0x3f80, 0xc000])],
    ['F16', new Uint16Array([0x3c00, 0xc000])],
    ['F64', new Float64Array([1, -2])],
  ] as const) {
    const header = JSON.stringify({ a: { dtype, shape: [2], data_offsets: [0, bytes.byteLength] } });
    const written = fileWith(header, bytes.byteLength);
    written.set(new Uint8Array(bytes.buffer), written.length - bytes.byteLength);
    const room = Float32Array.of(7, 7, 7);
    const values = await (await open(written)).readFloat32('a', undefined, room);
    expect([...values]).toEqual([1, -2]);
    expect([...room]).toEqual([1, -2, 7]);
  }
});

test('a view into a larger buffer is written as the view', async () => {
  const data = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
  const file = await open(writeSafetensors([{ name: 'a', dtype: 'F32', shape: [2], data }]));
  expect(await file.readFloat32('a')).toEqual(Float32Array.of(1, 2));
});

test('files written by the safetensors library are read, bf16 too', async () => {
  const file = await openSafetensors(
    blobSource(new Blob([goldenBytes('tied-bf16', 'model/model.safetensors')])),
  );
  const name = 'model.layers.0.self_attn.q_proj.bias';
  expect(file.tensors.get(name)).toMatchObject({ dtype: 'BF16', shape: [80] });
  const values = await file.readFloat32(name);
  expect(values.every((value) => Math.abs(value) < 1)).toBe(true);
  expect(new Uint32Array(values.buffer, values.byteOffset, 80).every((bits) => (bits & 0xffff) === 0)).toBe(
    true,
  );
  expect(values.some((value) => value !== 0)).toBe(true);
});

test('half precision is exact at its corners', async () => {
  const halves = Uint16Array.of(
    0,
    0x8000,
    1,
    0x3ff,
    0x400,
    0x3c00,
    0xc000,
    0x7bff,
    0x7c00,
    0xfc00,
    0x7e00,
    0x3555,
  );
  const header = JSON.stringify({ h: tensor(0, 24, [12], 'F16') });
  const bytes = fileWith(header, 24);
  bytes.set(new Uint8Array(halves.buffer), bytes.length - 24);
  const values = await (await open(bytes)).readFloat32('h');
  const expected = [
    0,
    -0,
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    1,
    -2,
    65504,
    Infinity,
    -Infinity,
    NaN,
    0.333251953125,
  ];
  expect([...values]).toEqual(expected);
});

test('"__metadata__": null is none, as for the reference reader', async () => {
  const file = await open(fileWith(JSON.stringify({ __metadata__: null, a: tensor(0, 4) }), 4));
  expect(file.metadata).toEqual({});
  expect(await file.readFloat32('a')).toEqual(Float32Array.of(0));
});

// the dtypes of safetensors 0.8, and two that it does not know
test.each([
  ['BOOL', 1],
  ['I4_PACKED', 3],
  ['toString', 2],
  ['F8_E4M3', 1],
  ['F8_E8M0', 1],
  ['I64', 8],
  ['U64', 8],
  ['C64', 8],
])('a tensor of %s that nobody reads harms nobody', async (dtype, bytes) => {
  const header = JSON.stringify({ odd: tensor(0, bytes, [1], dtype), a: tensor(bytes, bytes + 4) });
  const file = await open(fileWith(header, bytes + 4));
  expect(await file.readFloat32('a')).toEqual(Float32Array.of(0));
  expect(await problemOf(() => file.readFloat32('odd'))).toContain(`"odd" is ${dtype}; F64, F32`);
});

test('two values of four bits share a byte', async () => {
  const odd = { dtype: 'F4', shape: [2, 3], data_offsets: [0, 3] };
  expect((await open(fileWith(JSON.stringify({ odd }), 3))).tensors.get('odd')?.end).toBeGreaterThan(3);
});

test('F64 is rounded to f32, also at an odd place of the file', async () => {
  const bytes = fileWith(JSON.stringify({ odd: tensor(0, 1, [1], 'U8'), a: tensor(1, 17, [2], 'F64') }), 17);
  bytes.set(new Uint8Array(Float64Array.of(0.1, -3).buffer), bytes.length - 16);
  expect(await (await open(bytes)).readFloat32('a')).toEqual(Float32Array.of(0.1, -3));
  expect(await (await open(bytes)).readFloat32('a', [1, 2])).toEqual(Float32Array.of(-3));
});

describe('a hostile header is refused with a code', () => {
  const cases: readonly [string, () => Uint8Array, string][] = [
    ['shorter than its length field', () => new Uint8Array(7), '7 bytes'],
    ['header beyond the file', () => fileWith('{}', 0, 3n), 'claims 3 bytes'],
    ['an absurd header length', () => fileWith('{}', 0, 2n ** 63n), 'claims'],
    ['no JSON', () => fileWith('{"a":', 0), 'not JSON'],
    ['not UTF-8', () => fileWith('{}', 0).fill(0xff, 8), 'not JSON'],
    ['a list', () => fileWith('[]', 0), 'not a JSON object'],
    ['an entry that is no object', () => fileWith('{"a":1}', 0), 'not described'],
    [
      'a bad shape',
      () => fileWith('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4),
      'the shape',
    ],
    [
      'a fractional offset',
      () => fileWith('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4.5]}}', 8),
      'offsets',
    ],
    [
      'a dtype that is no text',
      () => fileWith('{"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}}', 4),
      'the dtype 4',
    ],
    ['size and shape that differ', () => fileWith(JSON.stringify({ a: tensor(0, 8, [1]) }), 8), 'but has 8'],
    ['an overlap', () => fileWith(JSON.stringify({ a: tensor(0, 8), b: tensor(4, 12) }), 12), 'overlaps'],
    ['a tensor twice', () => fileWith(JSON.stringify({ a: tensor(0, 8), b: tensor(0, 8) }), 8), 'overlaps'],
    ['a hole', () => fileWith(JSON.stringify({ a: tensor(0, 4), b: tensor(8, 12) }), 12), 'unnamed bytes'],
    ['bytes behind the end', () => fileWith(JSON.stringify({ a: tensor(0, 4) }), 5), 'end at byte'],
    ['a cut-off file', () => fileWith(JSON.stringify({ a: tensor(0, 400) }), 399), 'outside the file'],
    ['numbers as metadata', () => fileWith('{"__metadata__":{"a":1}}', 0), '__metadata__'],
  ];
  test.each(cases)('%s', async (_, make, reason) => {
    const problem = await problemOf(() => open(make()));
    expect(problem).toContain('model-file-invalid');
    expect(problem).toContain(reason);
  });
});

describe('over HTTP', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const rangeServer: typeof fetch = async (_, init) => {
    const [start, end] =
      /(\d+)-(\d+)/
        .exec((init?.headers as { Range: string }).Range)
        ?.slice(1)
        .map(Number) ?? [];
    const headers = { 'Content-Range': `bytes ${start}-${end}/100` };
    return new Response(bytes.slice(start, end + 1), { status: 206, headers });
  };

  test('ranges are asked for', async () => {
    const source = await urlSource('http://x/m', rangeServer);
    expect(source.size).toBe(100);
    expect(await source.read(10, 13)).toEqual(Uint8Array.of(10, 11, 12));
    expect(await source.read(5, 5)).toEqual(new Uint8Array(0));
  });

  test('a server without ranges is read once', async () => {
    let requests = 0;
    const source = await urlSource('http://x/m', async () => {
      requests++;
      return new Response(bytes);
    });
    expect(await source.read(98, 100)).toEqual(Uint8Array.of(98, 99));
    expect([source.size, requests]).toEqual([100, 1]);
  });

  test('a missing file and a dead server have a code', async () => {
    const missing = urlSource('http://x/m', async () => new Response('', { status: 404 }));
    expect(await problemOf(() => missing)).toContain('model-file-missing');
    const dead = urlSource('http://x/m', () => Promise.reject(new TypeError('failed')));
    expect(await problemOf(() => dead)).toContain('model-file-missing');
  });
});

test('two tensors of one name, of which JSON keeps the last, are refused', async () => {
  const entry = JSON.stringify(tensor(0, 4));
  const message = await problemOf(() => open(fileWith(`{"a":${entry},"a":${entry}}`, 4)));
  expect(message).toContain('1 of its tensors have the name of another one');
});

test('140,000 tensors are refused at once, by their number', async () => {
  const entries = Array.from({ length: 140_000 }, (_, i) => [`t${i}`, tensor(4 * i, 4 * i + 4)] as const);
  const file = fileWith(JSON.stringify(Object.fromEntries(entries)), 4 * 140_000);
  const start = performance.now();
  const message = await problemOf(() => open(file));
  expect(message).toContain('model-file-invalid: Not a usable safetensors file: it has 140000 tensors');
  expect(performance.now() - start).toBeLessThan(10_000);
});

test('a header nested 5,000 deep, and shapes beyond all numbers, are refused', async () => {
  const deep = `{"a":{"dtype":"F32","shape":${'['.repeat(5_000)}${']'.repeat(5_000)},"data_offsets":[0,4]}}`;
  expect(await problemOf(() => open(fileWith(deep, 4)))).toContain('its header is not JSON');
  const huge = JSON.stringify({ a: tensor(0, 4, [2 ** 52, 2 ** 52, 2 ** 52, 0]) });
  expect(await problemOf(() => open(fileWith(huge, 4)))).toContain('model-file-invalid');
});

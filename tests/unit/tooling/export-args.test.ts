import { expect, test } from 'vitest';
import { parseExportArgs } from '../../../scripts/cli/export-args.ts';

const parse = (line: string) => parseExportArgs(line.split(' '));

test('formats may be listed or repeated, and PEFT in float32 is what nobody asked for', () => {
  expect(parse('--run a --out b --format gguf,mlx --format gguf')).toMatchObject({
    formats: ['gguf', 'mlx'],
  });
  expect(parse('--adapter a --out b')).toEqual({
    folder: 'a',
    formats: ['peft'],
    dtype: null,
    model: null,
    bundle: { dataset: null, configPath: null, settings: [], initAdapterFolder: null, hubUrl: null },
    out: 'b',
    overwrite: false,
  });
});

test.each([
  ['--out b', /--run is missing/],
  ['--run a', /--out is missing/],
  ['--run a --adapter c --out b', /give one/],
  ['--run a --out b --format ggml', /ggml is none of peft, gguf/],
  ['--run a --out b --format peft,', /is empty/],
  ['--run a --out b --dtype q4_0', /q4_0 is none of f32/],
  ['--run a --out b --format merged', /--model/],
])('%s is refused', (line, words) => {
  expect(() => parse(line)).toThrow(words);
});

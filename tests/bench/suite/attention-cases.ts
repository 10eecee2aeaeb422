/** Causal grouped-query attention, forward and backward, at the head layouts of 0.5B and 1.5B models. */
import { benchTensors, takeColumns } from './case-tools.ts';
import { attention, attentionDx, attentionReference, type Gpu } from './engine.ts';
import { causalPairs } from './flops.ts';
import type { BenchCase } from './run-cases.ts';
import { relativeError } from './statistics.ts';

interface Layout {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
}
const tolerance = 1e-4;
const checkedRows = 64; // of the backward's reference, which costs rows² · group

function attentionCase(gpu: Gpu, direction: 'forward' | 'backward', m: number, layout: Layout): BenchCase {
  const { heads, kvHeads, headSize } = layout;
  const q = heads * headSize;
  const width = (heads + 2 * kvHeads) * headSize;
  const products = direction === 'forward' ? 2 : 4; // useful ones; scores are computed again in the backward
  return {
    name: `attention ${direction}`,
    shape: `T ${m} H ${heads}/${kvHeads} D ${headSize}`,
    flops: products * 2 * q * causalPairs(m),
    bytes: 4 * m * (width + q),
    tolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 10);
      const { recorder, memory } = gpu;
      const [qkv, dO] = [bench.random(m * width), bench.random(m * q)];
      const [qkvT, dOT, ranges, ends] = [
        bench.upload(qkv),
        bench.upload(dO),
        bench.upload(new Uint32Array(2 * m)),
        bench.upload(new Uint32Array(m)),
      ];
      const [o, lse] = [bench.zeros(m * q), bench.zeros(m * heads)];
      const [delta, dQkv] = [bench.zeros(m * heads), bench.zeros(m * width)];
      /** Segments of this many rows; m: one sequence. */
      const writeRanges = (rows: number): void => {
        const start = (i: number): number => Math.floor(i / rows) * rows;
        memory.write(
          ranges,
          Uint32Array.from({ length: 2 * m }, (_, i) => (i % 2 === 0 ? start(i >> 1) : (i >> 1) + 1)),
        );
        memory.write(
          ends,
          Uint32Array.from({ length: m }, (_, i) => Math.min(m, start(i) + rows)),
        );
      };
      const forward = (): void =>
        attention(
          recorder,
          {
            ...{ q: qkvT, qStride: width, kv: qkvT, ranges, o, lse },
            layout: { stride: width, k: q, v: q + kvHeads * headSize },
          },
          m,
          layout,
        );
      const backward = (): void =>
        attentionDx(
          recorder,
          { qkv: qkvT, ranges, segmentEnds: ends, o, lse, dO: dOT, delta, dQkv },
          m,
          layout,
        );
      /** Queries of `count` heads of the last group beside its keys and values. */
      const group = (source: Float32Array, count: number): Float32Array[] => [
        takeColumns(source, width, q - count * headSize, count * headSize),
        takeColumns(source, width, q + (kvHeads - 1) * headSize, headSize),
        takeColumns(source, width, q + (2 * kvHeads - 1) * headSize, headSize),
      ];
      return {
        record: direction === 'forward' ? forward : backward,
        check: async () => {
          if (direction === 'forward') {
            // one head over the whole causal triangle
            writeRanges(m);
            forward();
            const expected = attentionReference.forward(sideBySide(group(qkv, 1), m), new Uint32Array(m), {
              m,
              heads: 1,
              kvHeads: 1,
              headSize,
            });
            return relativeError(takeColumns(await bench.read(o), q, q - headSize, headSize), expected);
          }
          // one whole group on the last of many short segments: dq, dk and dv of every row of it
          writeRanges(checkedRows);
          forward();
          backward();
          const size = heads / kvHeads;
          const last = (values: Float32Array, columns: number): Float32Array =>
            values.subarray((m - checkedRows) * columns);
          const expected = attentionReference.dx(
            takeColumns(last(dO, q), q, q - size * headSize, size * headSize),
            sideBySide(group(last(qkv, width), size), checkedRows),
            new Uint32Array(checkedRows),
            { m: checkedRows, heads: size, kvHeads: 1, headSize },
          );
          const got = await bench.read(dQkv);
          writeRanges(m); // what is timed is the whole triangle
          forward();
          return relativeError(sideBySide(group(last(got, width), size), checkedRows), expected);
        },
        dispose: bench.dispose,
      };
    },
  };
}

/** Matrices of the same row count, joined row by row. */
function sideBySide(parts: readonly Float32Array[], rows: number): Float32Array {
  const widths = parts.map((part) => part.length / rows);
  const width = widths.reduce((a, b) => a + b, 0);
  const joined = new Float32Array(rows * width);
  let column = 0;
  parts.forEach((part, p) => {
    for (let row = 0; row < rows; row++)
      joined.set(part.subarray(row * widths[p], (row + 1) * widths[p]), row * width + column);
    column += widths[p];
  });
  return joined;
}

export function attentionCases(gpu: Gpu): readonly BenchCase[] {
  const small = { heads: 14, kvHeads: 2, headSize: 64 };
  const large = { heads: 12, kvHeads: 2, headSize: 128 };
  return [512, 128, 1024].flatMap((m) =>
    [small, large].flatMap((layout) =>
      (['forward', 'backward'] as const).map((direction) => attentionCase(gpu, direction, m, layout)),
    ),
  );
}

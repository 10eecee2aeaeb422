/** Everything that is no frozen product: attention, norms, RoPE, SwiGLU, cross-entropy, AdamW. */
import { benchTensors, sampleRows, takeRows } from './case-tools.ts';
import {
  adamw,
  adamwReference,
  crossEntropy,
  crossEntropyReference,
  gradNorm,
  gradNormPartials,
  gradNormStats,
  rmsNorm,
  rmsNormDx,
  rmsNormReference,
  rope,
  ropeFrequencies,
  ropeReference,
  ropeTable,
  rowThreads,
  swiglu,
  swigluDx,
  swigluReference,
  type Gpu,
} from './engine.ts';
import type { BenchCase } from './run-cases.ts';
import { relativeError } from './statistics.ts';

const tolerance = 1e-4;

function rmsNormCase(gpu: Gpu, direction: 'forward' | 'backward', rows: number, width: number): BenchCase {
  return {
    name: `rmsNorm ${direction}`,
    shape: `${rows}x${width}`,
    flops: 0,
    bytes: 4 * rows * width * (direction === 'forward' ? 2 : 4),
    tolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 5);
      const [x, w, dy] = [bench.random(rows * width), bench.random(width), bench.random(rows * width)];
      const [xT, wT, dyT, y] = [
        bench.upload(x),
        bench.upload(w),
        bench.upload(dy),
        bench.zeros(rows * width),
      ];
      const layout = { rows, width, stride: width, rowThreads: rowThreads(gpu) };
      const record = (): void => {
        if (direction === 'forward') rmsNorm(gpu.recorder, xT, wT, y, layout, 1e-6);
        else rmsNormDx(gpu.recorder, dyT, xT, wT, y, layout, 1e-6);
      };
      return {
        record,
        check: async () => {
          record();
          const picked = sampleRows(rows, 8);
          const size = { rows: picked.length, width };
          const [xs, dys] = [takeRows(x, width, picked), takeRows(dy, width, picked)];
          const expected =
            direction === 'forward'
              ? rmsNormReference.forward(xs, w, size, 1e-6)
              : rmsNormReference.dx(dys, xs, w, size, 1e-6);
          return relativeError(takeRows(await bench.read(y), width, picked), expected);
        },
        dispose: bench.dispose,
      };
    },
  };
}

function ropeCase(gpu: Gpu, m: number, heads: number, headSize: number): BenchCase {
  const width = heads * headSize;
  const frequencies = ropeFrequencies({ headSize, ropeTheta: 10_000, ropeScaling: null });
  return {
    name: 'rope',
    shape: `${m}x${heads}x${headSize}`,
    flops: 0,
    bytes: 8 * m * width,
    tolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 6);
      const x = bench.random(m * width);
      const [xT, table] = [bench.upload(x), bench.upload(ropeTable(m, frequencies))];
      const positions = bench.upload(Uint32Array.from({ length: m }, (_, i) => i));
      const record = (): void =>
        rope(gpu.recorder, xT, table, positions, { m, heads, headSize, stride: width }, 'forward');
      return {
        record,
        check: async () => {
          record();
          const picked = sampleRows(m, 8);
          const expected = ropeReference(
            takeRows(x, width, picked),
            picked,
            { heads, headSize },
            frequencies,
          );
          return relativeError(takeRows(await bench.read(xT), width, picked), expected);
        },
        dispose: bench.dispose,
      };
    },
  };
}

function swigluCase(gpu: Gpu, direction: 'forward' | 'backward', m: number, f: number): BenchCase {
  return {
    name: `swiglu ${direction}`,
    shape: `${m}x${f}`,
    flops: 0,
    bytes: 4 * m * f * (direction === 'forward' ? 3 : 5),
    tolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 7);
      const [gateUp, dh] = [bench.random(2 * m * f, 3), bench.random(m * f)];
      const [gateUpT, dhT] = [bench.upload(gateUp), bench.upload(dh)];
      // the gradient is in place: time does not care whose values it turns
      const out = direction === 'forward' ? bench.zeros(m * f) : bench.upload(gateUp);
      const record = (): void => {
        if (direction === 'forward') swiglu(gpu.recorder, gateUpT, out, { m, f });
        else swigluDx(gpu.recorder, dhT, out, { m, f });
      };
      return {
        record,
        check: async () => {
          record();
          const picked = sampleRows(m, 8);
          const size = { m: picked.length, f };
          const inputs = takeRows(gateUp, 2 * f, picked);
          const expected =
            direction === 'forward'
              ? swigluReference.forward(inputs, size)
              : swigluReference.dx(takeRows(dh, f, picked), inputs, size);
          const width = direction === 'forward' ? f : 2 * f;
          return relativeError(takeRows(await bench.read(out), width, picked), expected);
        },
        dispose: bench.dispose,
      };
    },
  };
}

/** In place: timing runs see the gradients of earlier runs, which costs the same. */
function crossEntropyCase(gpu: Gpu, rows: number, vocab: number): BenchCase {
  return {
    name: 'crossEntropy',
    shape: `${rows}x${vocab}`,
    flops: 0,
    bytes: 8 * rows * vocab,
    tolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 8);
      const logits = bench.random(rows * vocab, 4);
      const targets = Uint32Array.from({ length: rows }, (_, i) => (i * 7919 + 3) % vocab);
      const coefficients = new Float32Array(rows).fill(-0.25);
      const [logitsT, targetsT, logProbs] = [bench.upload(logits), bench.upload(targets), bench.zeros(rows)];
      const coefficientsT = bench.upload(coefficients);
      const size = { rows, vocab, stride: vocab, firstRow: 0, firstLogProb: 0, rowThreads: rowThreads(gpu) };
      const record = (): void => crossEntropy(gpu.recorder, logitsT, targetsT, logProbs, coefficientsT, size);
      return {
        record,
        check: async () => {
          record();
          const picked = sampleRows(rows, 4);
          const expected = crossEntropyReference(
            takeRows(logits, vocab, picked),
            picked.map((row) => targets[row]),
            vocab,
            picked.map((row) => coefficients[row]),
          );
          const got = await bench.read(logProbs);
          return Math.max(
            relativeError(
              picked.map((row) => got[row]),
              expected.logProbs,
            ),
            relativeError(takeRows(await bench.read(logitsT), vocab, picked), expected.dLogits),
          );
        },
        dispose: bench.dispose,
      };
    },
  };
}

/** Norm, clipping and update of a flat adapter, as every optimizer step does it. */
function adamwCase(gpu: Gpu, count: number): BenchCase {
  return {
    name: 'adamw',
    shape: `${count}`,
    flops: 0,
    bytes: 4 * count * (1 + 4 + 4), // norm reads g; the update reads and writes p, g, m, v
    tolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 9);
      const [p, g] = [bench.random(count), bench.random(count)];
      const [pT, gT, mT, vT] = [bench.upload(p), bench.upload(g), bench.zeros(count), bench.zeros(count)];
      const [partials, stats] = [bench.zeros(gradNormPartials), bench.zeros(gradNormStats)];
      const settings = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
      const record = (): void => {
        gradNorm(gpu.recorder, gT, partials, stats, count, 1);
        adamw(gpu.recorder, pT, gT, mT, vT, stats, count, { ...settings, step: 1 });
      };
      return {
        record,
        check: async () => {
          record();
          const state = {
            parameters: Float64Array.from(p),
            firstMoment: new Float64Array(count),
            secondMoment: new Float64Array(count),
          };
          adamwReference(state, g, { ...settings, maxNorm: 1 }, 1);
          return Math.max(
            relativeError(await bench.read(pT), state.parameters),
            relativeError(await bench.read(mT), state.firstMoment),
          );
        },
        dispose: bench.dispose,
      };
    },
  };
}

export function rowCases(gpu: Gpu): readonly BenchCase[] {
  const directions = ['forward', 'backward'] as const;
  return [
    ...directions.map((direction) => rmsNormCase(gpu, direction, 512, 1536)),
    ropeCase(gpu, 512, 14, 128),
    ...directions.map((direction) => swigluCase(gpu, direction, 512, 4864)),
    ...directions.map((direction) => swigluCase(gpu, direction, 128, 8960)),
    crossEntropyCase(gpu, 26, 151_936), // what fits into 16 MiB of logits
    adamwCase(gpu, 2 ** 22),
  ];
}

/** What the page's build and every test project have in common. */
import { fileURLToPath } from 'node:url';

const noOnnx = fileURLToPath(new URL('./no-onnx.js', import.meta.url));

/** Of @xenova/transformers only this is used: its models, pipelines and processors are three quarters of it. */
const tokenizers = fileURLToPath(
  new URL('../../node_modules/@xenova/transformers/src/tokenizers.js', import.meta.url),
);

const library = fileURLToPath(new URL('../../src/index.ts', import.meta.url));

export const aliases = [
  { find: /^(onnxruntime-web|onnxruntime-node|sharp)$/, replacement: noOnnx },
  { find: /^@xenova\/transformers$/, replacement: tokenizers },
  { find: /^alttrain-web$/, replacement: library }, // as examples/ and other pages import it
];

/** Packages the page and the worker import; named so that vite never re-bundles, and reloads, half-way through a test. */
export const prebundled = [
  '@huggingface/hub',
  '@huggingface/jinja',
  '@preact/signals',
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-backend-webgpu',
  '@tensorflow/tfjs-backend-webgpu/dist/base',
  '@tensorflow/tfjs-backend-webgpu/dist/kernels/BatchMatMul',
  '@xenova/transformers',
  'comlink',
  'fflate',
  'idb-keyval',
  'hyparquet',
  'hyparquet-compressors',
  'preact',
  'preact/hooks',
  'preact/jsx-runtime',
  'preact/jsx-dev-runtime',
  'uplot',
];

/** The GPU's tests, whichever browser runs them. */
export const gpuTests = {
  include: ['tests/gpu/**/*.test.ts', 'tests/worker/**/*.test.ts'],
  setupFiles: ['tests/support/require-webgpu.ts'],
  fileParallelism: false,
};

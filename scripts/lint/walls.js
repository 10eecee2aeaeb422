/**
 * The folders of src/, and who may import whom, once: ESLint shows a breach in the editor, tests/unit/architecture checks
 * that this table and the imports say the same. A room may import only rooms that stand before it, so there is no cycle.
 *
 * @typedef {'tfjs' | 'transformers' | 'hub' | 'comlink' | 'page' | 'node'} Package
 * @typedef {{ folder: string, imports: string[], packages?: Package[], advice: string }} Room
 *   `imports`: the other rooms it may import, all of which it does. `advice`: what to do instead.
 * @typedef {{ regex: string, message: string }} Wall  A forbidden import path, and what to do instead.
 * @typedef {{ folder: string, walls: Wall[] }} Rule  For all files under src/<folder>, or for one file.
 */

const pure = 'Pure code, text and numbers in and out: take what you need as an argument.';

/** From the ground up. @type {Room[]} */
export const rooms = [
  { folder: 'support', imports: [], advice: 'support/ knows nobody: errors, bytes, units, random numbers.' },
  { folder: 'architecture', imports: [], advice: 'A table of names and sizes knows nobody.' },
  { folder: 'config', imports: ['support', 'architecture'], advice: pure },
  {
    folder: 'api',
    imports: ['support', 'config'],
    packages: ['comlink'],
    advice: 'api/ is the contract and its messages: types only.',
  },
  {
    folder: 'storage',
    imports: ['support'],
    advice: 'storage/ keeps bytes by name; what they mean is its users’ business.',
  },
  {
    folder: 'host',
    imports: ['support', 'storage'],
    advice: 'A host gives things; it knows nobody.',
  },
  {
    folder: 'runs',
    imports: ['support', 'api', 'storage'],
    advice: 'runs/ keeps what a run tells it; what training is, is above it.',
  },
  { folder: 'data', imports: ['support', 'config', 'api'], advice: pure },
  { folder: 'alttrain', imports: ['support', 'api', 'data'], advice: pure },
  { folder: 'evaluation', imports: ['support', 'api', 'data', 'alttrain'], advice: pure },
  { folder: 'reproduce', imports: ['support', 'api', 'evaluation'], advice: pure },
  {
    folder: 'objectives',
    imports: ['data'],
    advice:
      'An objective is arithmetic on log-probabilities: it sees batches and numbers, and the trainer asks it.',
  },
  { folder: 'adapter', imports: ['support', 'architecture', 'config', 'api'], advice: pure },
  { folder: 'exporters', imports: ['support', 'architecture', 'config', 'adapter'], advice: pure },
  { folder: 'hub', imports: ['support', 'config', 'api', 'data'], packages: ['hub'], advice: pure },
  {
    folder: 'device',
    imports: ['support', 'api'],
    packages: ['tfjs'],
    advice: 'device/ knows buffers and dispatches; what is computed is above it.',
  },
  {
    folder: 'kernels',
    imports: ['device'],
    advice: 'kernels/ know shapes and numbers, not models or files: take them as arguments.',
  },
  {
    folder: 'self-test',
    imports: ['support', 'host', 'device', 'kernels'],
    packages: ['tfjs'],
    advice: 'The self-test asks the device and its kernels, and knows no models.',
  },
  {
    folder: 'model',
    imports: [
      ...['support', 'architecture', 'config', 'api', 'storage', 'host', 'data', 'adapter', 'hub'],
      ...['device', 'kernels'],
    ],
    advice: 'model/ does not know who trains it, or for what: take it as an argument.',
  },
  {
    folder: 'trainer',
    imports: [
      ...[
        'support',
        'config',
        'api',
        'storage',
        'host',
        'runs',
        'data',
        'alttrain',
        'evaluation',
        'objectives',
      ],
      ...['adapter', 'exporters', 'hub', 'device', 'kernels', 'self-test', 'model'],
    ],
    advice: 'trainer/ reports through callbacks; ui/ listens through api/.',
  },
  {
    folder: 'client',
    imports: ['support', 'api'],
    packages: ['comlink'],
    advice: 'client/ is the page’s end of a worker: it knows the contract only.',
  },
  {
    folder: 'ui',
    imports: ['support', 'config', 'api', 'client', 'reproduce'],
    packages: ['page'],
    advice: 'ui/ sees the contract and the settings only: ask the worker through src/client/.',
  },
  {
    folder: 'headless',
    imports: ['support', 'config', 'api'],
    advice: 'headless/ drives the worker through api/ only.',
  },
];

/** @type {Record<Package, Wall>} */
const packages = {
  tfjs: {
    regex: '^@tensorflow/',
    message: 'Only device/tfjs.ts and the self-test know tfjs: hand plain arrays or GpuTensors across.',
  },
  transformers: {
    regex: '^@xenova/transformers',
    message: 'Only src/data/tokenizer.ts loads @xenova/transformers: import the tokenizer from there.',
  },
  hub: {
    regex: '^@huggingface/hub',
    message: 'Only src/hub/ talks to the hub: use openHubFiles from src/hub/hub-files.ts.',
  },
  comlink: {
    regex: '^comlink',
    message: 'Only api/, client/ and workers/ cross the worker boundary: use src/client/trainer-client.ts.',
  },
  page: {
    regex: '^(preact|@preact/signals|uplot)(/|$)',
    message: 'Only ui/ draws: return data and let ui/ show it.',
  },
  node: {
    regex: '^node:',
    message: 'This runs in a browser: take files, clocks and environment as arguments.',
  },
};

/** Which host there is, is decided in workers/ and index.ts. @type {Wall} */
const hostOfItsOwn = {
  regex: '^\\.{1,2}/(.*/)?host/(browser|node)/',
  message:
    'Which host there is, is decided in workers/: take a Host, or the part of it you need, as an argument.',
};

/** Relative imports that pass through one of these folders. @returns {Wall} */
const wallOf = (folders, message) => ({ regex: `^\\.{1,2}/(.*/)?(${folders.join('|')})/`, message });

/** @returns {Wall[]} */
function wallsOf({ folder, imports, packages: own = [], advice }) {
  const others = rooms.map((room) => room.folder).filter((one) => one !== folder && !imports.includes(one));
  return [
    ...Object.entries(packages).flatMap(([name, wall]) => (own.includes(name) ? [] : [wall])),
    hostOfItsOwn,
    wallOf([...others, 'workers'], advice),
  ];
}

const roomOf = (name) => rooms.find(({ folder }) => folder === name);

/** The first rule whose folder (or exact file) matches is the one that counts. @type {Rule[]} */
export const rules = [
  { folder: 'data/tokenizer.ts', walls: wallsOf({ ...roomOf('data'), packages: ['transformers'] }) },
  { folder: 'host/node', walls: wallsOf({ ...roomOf('host'), packages: ['node'] }) },
  ...rooms.map((room) => ({ folder: room.folder, walls: wallsOf(room) })),
];

/** GPU objects are made and used in these folders; host/ finds the GPU, model/ and trainer/ hold tensors that device/ gave them. */
export const gpuFolders = ['device', 'kernels', 'model', 'trainer', 'host'];

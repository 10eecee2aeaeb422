/**
 * Who may import whom, once: ESLint shows it in the editor, tests/unit/architecture/imports.test.ts checks it in CI.
 *
 *   ui → api → (worker) → trainer → model → device ⇄ kernels → support
 *                          trainer → objectives → data
 *
 * host/host.ts is an interface that anybody may name; what implements it (host/browser/) is chosen where the trainer is made.
 *
 * @typedef {{ regex: string, message: string }} Wall  A forbidden import path, and what to do instead.
 * @typedef {{ folder: string, walls: Wall[] }} Rule  For all files under src/<folder>.
 */

/** @returns {Wall} */
const wall = (regex, message) => ({ regex, message });
/** Relative imports that pass through one of these folders. @returns {Wall} */
const folders = (names, message) => wall(`^\\.{1,2}/(.*/)?(${names})/`, message);

const noTfjs = wall(
  '^@tensorflow/',
  'Tensors live in device/, kernels/, model/ and trainer/: hand plain arrays or numbers across.',
);
const noTransformers = wall(
  '^@xenova/transformers',
  'Only src/data/tokenizer.ts loads @xenova/transformers: import the tokenizer from there.',
);
const noHub = wall(
  '^@huggingface/hub',
  'Only src/hub/ talks to the hub: use openHubFiles from src/hub/hub-files.ts.',
);
const noComlink = wall(
  '^comlink',
  'Only api/ and workers/ cross the worker boundary: use src/api/trainer-client.ts.',
);
const noPreact = wall(
  '^(preact|@preact/signals|uplot)(/|$)',
  'Only ui/ draws: return data and let ui/ show it.',
);
const noNode = wall('^node:', 'This runs in a browser: take files, clocks and environment as arguments.');

const noHostOfItsOwn = folders(
  'host/(browser|node)',
  'Which host there is, is decided in workers/: take a Host, or the part of it you need, as an argument.',
);

const pure = [
  noTfjs,
  noHub,
  noComlink,
  noPreact,
  noNode,
  folders(
    'ui|device|kernels|model|objectives|trainer|headless|host|storage|workers',
    'Pure code, text and numbers in and out: take what you need as an argument.',
  ),
];
const engine = [noTransformers, noHub, noComlink, noPreact, noNode, noHostOfItsOwn];

/** The first rule whose folder (or exact file) matches is the one that counts. @type {Rule[]} */
export const rules = [
  { folder: 'data/tokenizer.ts', walls: pure },
  ...['architecture', 'data', 'adapter', 'config', 'alttrain', 'world', 'support', 'evaluation'].map(
    (folder) => ({
      folder,
      walls: [...pure, noTransformers],
    }),
  ),
  {
    folder: 'objectives',
    walls: [
      ...pure,
      noTransformers,
      folders(
        'adapter|api|config|hub',
        'An objective is arithmetic on log-probabilities: it sees data/ and numbers, and the trainer asks it.',
      ),
    ],
  },
  { folder: 'hub', walls: [...pure.filter((rule) => rule !== noHub), noTransformers] },
  {
    folder: 'ui',
    walls: [
      noTfjs,
      noTransformers,
      noHub,
      noComlink,
      noNode,
      folders(
        'data|device|kernels|model|objectives|trainer|adapter|hub|host|storage|workers|headless',
        'ui/ sees api/, config/ and ui/ only: ask the worker through src/api/trainer-client.ts.',
      ),
    ],
  },
  {
    folder: 'headless',
    walls: [
      noTfjs,
      noTransformers,
      noHub,
      noComlink,
      noPreact,
      noNode,
      folders(
        'ui|data|device|kernels|model|objectives|trainer|adapter|hub|host|storage',
        'headless/ drives the worker through api/ only.',
      ),
    ],
  },
  {
    folder: 'api',
    walls: [
      noTfjs,
      noTransformers,
      noHub,
      noPreact,
      noNode,
      folders(
        'ui|data|device|kernels|model|objectives|trainer|adapter|hub|host|storage|headless',
        'api/ is the contract and its transport: types and messages only.',
      ),
    ],
  },
  ...['device', 'kernels'].map((folder) => ({
    folder,
    walls: [
      ...engine,
      folders(
        'ui|model|objectives|trainer|data|adapter|hub|storage|headless|workers',
        'device/ and kernels/ know shapes and numbers, not models or files: take them as arguments.',
      ),
    ],
  })),
  {
    folder: 'model',
    walls: [
      ...engine,
      folders(
        'ui|objectives|trainer|headless|workers',
        'model/ does not know who trains it, or for what: take it as an argument.',
      ),
    ],
  },
  {
    folder: 'trainer',
    walls: [
      ...engine,
      folders('ui|headless|workers', 'trainer/ reports through callbacks; ui/ listens through api/.'),
    ],
  },
];

rules.push(
  {
    folder: 'host',
    walls: [
      noTfjs,
      noTransformers,
      noHub,
      noComlink,
      noPreact,
      noNode,
      folders(
        'ui|data|device|kernels|model|trainer|hub|headless|workers',
        'A host gives things; it knows nobody.',
      ),
    ],
  },
  {
    folder: 'storage',
    walls: [
      noTfjs,
      noTransformers,
      noHub,
      noComlink,
      noPreact,
      noNode,
      folders(
        'ui|data|device|kernels|model|trainer|adapter|hub|host|headless|workers',
        'storage/ keeps bytes by name; what they mean is its users’ business.',
      ),
    ],
  },
);

/** GPU objects are made and used in these folders; host/ finds the GPU, model/ and trainer/ hold tensors that device/ gave them. */
export const gpuFolders = ['device', 'kernels', 'model', 'trainer', 'host'];

/** What went wrong, per part of the page: a new failure replaces the former one of its part, a success clears it. */
import { signal, type ReadonlySignal } from '@preact/signals';
import { toWire, type ErrorCode, type WireError } from '../../support/trainer-error.ts';

export type FailureScope =
  | 'device'
  | 'model'
  | 'dataset'
  | 'run'
  | 'download'
  | 'runs'
  | 'evaluation'
  | 'reproduce'
  | 'builder'
  | 'playground'
  | 'export';

export interface Failures {
  readonly of: (scope: FailureScope) => ReadonlySignal<WireError | null>;
  readonly report: (scope: FailureScope, error: unknown) => void;
  readonly clear: (scope: FailureScope) => void;
}

export function createFailures(): Failures {
  const byScope = {
    device: signal<WireError | null>(null),
    model: signal<WireError | null>(null),
    dataset: signal<WireError | null>(null),
    run: signal<WireError | null>(null),
    download: signal<WireError | null>(null),
    runs: signal<WireError | null>(null),
    evaluation: signal<WireError | null>(null),
    reproduce: signal<WireError | null>(null),
    builder: signal<WireError | null>(null),
    playground: signal<WireError | null>(null),
    export: signal<WireError | null>(null),
  };
  return {
    of: (scope) => byScope[scope],
    report: (scope, error) => {
      byScope[scope].value = toWire(error);
    },
    clear: (scope) => (byScope[scope].value = null),
  };
}

/** Of these the message of an evaluation or of the playground says itself what to do; the advice is about runs. */
const saidByItself: readonly ErrorCode[] = [
  'config-invalid',
  'not-ready',
  'dataset-ambiguous',
  'dataset-empty',
  'checkpoint-invalid',
  'run-not-found',
];

/** null: the message says it all. */
export const adviceIn = (scope: FailureScope, code: ErrorCode): string | null =>
  scope === 'export' ||
  (['evaluation', 'playground', 'reproduce', 'builder'].includes(scope) && saidByItself.includes(code))
    ? null
    : adviceFor[code];

/** What the user can do about it. The message says what happened; this says what next. */
export const adviceFor: Readonly<Record<ErrorCode, string>> = {
  'webgpu-unavailable':
    'Use a browser with WebGPU: Chrome or Edge 113 or newer (121 on Android), Safari 26, or Firefox 141 on Windows and 145 on macOS. ' +
    'In Chrome on Linux, switch on chrome://flags/#enable-unsafe-webgpu and chrome://flags/#enable-vulkan, then restart it. ' +
    'Also check that "Use graphics acceleration" is on in the browser’s settings. The page must be served over https or from localhost.',
  'device-lost':
    'The GPU stopped answering: a driver reset, a sleeping computer, or another program that needed its memory. ' +
    'What was kept can go on: see “Runs”. A smaller “Batch size” or “Max length” puts less load on the GPU.',
  'gpu-error':
    'The GPU refused an operation, so the run was ended before it could give wrong numbers. What was kept can go on, see “Runs”; try a smaller “Batch size”; ' +
    'if it happens again, report it with the detail below.',
  'gpu-out-of-memory':
    'Reduce “Batch size” or “Max length”, switch on “Gradient checkpointing”, or close other tabs that use the GPU.',
  'self-test-failed':
    'This GPU or its driver computes wrong values, so nothing is trained on it. Update the browser and the graphics driver, or choose another GPU.',
  'model-unsupported':
    'Choose a model of a supported family, with config.json, tokenizer.json and safetensors weights.',
  'model-file-missing':
    'Choose the folder itself that holds config.json, tokenizer.json, tokenizer_config.json and the .safetensors files, completely downloaded.',
  'model-file-invalid':
    'Download the named file again; it may be cut short, or a Git LFS pointer instead of the file.',
  'hub-access':
    'Open its page on the hub while signed in, accept its conditions if it has any, and create a token with read access under Settings → Access Tokens.',
  'hub-exists': 'Choose another name, or tick that the files shall be added to it.',
  'hub-not-found':
    'Check owner, name and revision on its page on the hub. A revision is a branch, a tag or a commit.',
  'hub-busy': 'Wait a few minutes and load it again. With an access token the hub allows more requests.',
  'hub-unreachable':
    'Check the network, and whether a firewall or an extension blocks huggingface.co. What was downloaded otherwise can be opened instead.',
  'download-damaged':
    'Load it again. If it happens again, something between this page and the hub changes the files: download them otherwise and open them.',
  'cache-damaged': 'Load the model again: it is fetched anew.',
  'storage-full':
    'Delete models under “Kept on this computer”, or free disk space. The model can be used without being kept.',
  'storage-unavailable':
    'The browser gives this page no storage (private windows often do not): models are loaded anew each time.',
  'adapter-invalid':
    'Choose the files of a LoRA adapter made for this model: adapter_config.json and adapter_model.safetensors of PEFT, those of mlx-lm, or a GGUF adapter.',
  'dataset-unreadable': 'Choose a JSONL, JSON, CSV, TSV or Parquet file, text in UTF-8, gzipped or not.',
  'dataset-empty':
    'Each row needs a prompt and an answer that fits into “Max length”. If the columns have other names, map them under “Map the columns of this file”.',
  'dataset-ambiguous':
    'Open one of them: a file by itself, or one of the list under “From the Hugging Face Hub”.',
  'config-invalid': 'Correct the named settings under “Run settings”, or reset them to the defaults.',
  'not-ready': 'Choose a model, then a dataset; both must be read before this.',
  busy: 'Wait for the current work to end, or end the run first.',
  'nothing-to-export': 'Run at least one step: there is no adapter before that.',
  'loss-not-finite':
    'Lower “Learning rate” or “Max gradient norm”, and look for odd rows in the dataset, then start again.',
  'checkpoint-invalid':
    'A run goes on with the model, the dataset and the settings that it was begun with. “Start training” begins a new one.',
  'worker-lost':
    'The browser or the system has ended it, often for want of memory. What was kept of the run can go on: see “Runs”. A smaller “Batch size” or “Max length” needs less.',
  'network-failed':
    'Check that this computer is online and, where the page is served from it, that the server still runs; then try again.',
  'run-in-use': 'Wait until it has ended, or stop it where it is under way. It can be watched meanwhile.',
  'run-not-found': 'Choose another run from the list.',
  cancelled: 'Nothing needs to be done.',
  internal: 'This is a fault of this page. Reload it; if it happens again, report it with the detail below.',
};

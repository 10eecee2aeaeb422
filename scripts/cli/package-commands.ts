/** What `npx alttrain-web` runs: each is an npm script of the same name in a checkout. */

export interface PackageCommand {
  readonly name: string;
  readonly about: string;
  /** Its module reads process.argv, and runs as it is loaded. */
  readonly run: () => Promise<unknown>;
}

export const packageCommands: readonly PackageCommand[] = [
  { name: 'start', about: 'serves the page on this machine and opens it', run: () => import('../start.ts') },
  { name: 'train', about: 'trains a LoRA adapter', run: () => import('../train.ts') },
  {
    name: 'inspect',
    about: 'what a run would see of a dataset, token by token',
    run: () => import('../inspect.ts'),
  },
  {
    name: 'build-dataset',
    about: 'AltTrain rows from prompts with traces',
    run: () => import('../build-dataset.ts'),
  },
  {
    name: 'generate',
    about: 'answers prompts, with or without an adapter',
    run: () => import('../generate.ts'),
  },
  {
    name: 'evaluate',
    about: 'asks suites without an adapter and with it, and judges',
    run: () => import('../evaluate.ts'),
  },
  {
    name: 'export',
    about: 'the adapter for llama.cpp, mlx-lm, PEFT, or merged',
    run: () => import('../export.ts'),
  },
  {
    name: 'import-run',
    about: 'a run that was trained elsewhere, from its trainer_state.json',
    run: () => import('../import-run.ts'),
  },
  { name: 'push', about: 'an export to the Hugging Face Hub', run: () => import('../push.ts') },
  { name: 'bench', about: 'the speed of kernels, steps and decoding here', run: () => import('../bench.ts') },
  {
    name: 'reproduce',
    about: "the paper's comparison, trained and judged again",
    run: () => import('../reproduce.ts'),
  },
];

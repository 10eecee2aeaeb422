/** The command line of `npm run push`. */
import { flag, optional, parse, required, text } from './args.ts';
import { asTyped } from './own-commands.ts';

export interface PushOptions {
  readonly folder: string;
  readonly repo: string;
  readonly isPublic: boolean;
  readonly addsToExisting: boolean;
  readonly isDryRun: boolean;
  readonly hubUrl: string | null;
}

export const pushHelp = `${asTyped('push')} --folder <folder> --repo <owner/name> [options]

Sends what export has written, or the folder of an adapter, to a model repository of the Hugging Face Hub, in one
commit. The repository is made, and is private. What is sent is listed before. No browser and no GPU.

  --folder <folder>     an export's --out, or a folder with an adapter. Of an export the first of peft, merged, gguf, mlx
                        lies at the repository's root, the others in folders of their names; a run's model card is its
                        README.md. Checkpoints and hidden files stay here.
  --repo <owner/name>
  --public              a public repository
  --add                 into a repository that is there: files of the same name get a new version, the others stay
  --dry-run             list what would be sent, and send nothing
  --hub-url <address>   another hub than https://huggingface.co
  --json                the last line of the output is one JSON object
  --help

The access token is taken from HF_TOKEN; it must be one that may write.

Exit code 0: done. 2: bad input. 1: failed.`;

const spec = {
  folder: text,
  repo: text,
  public: flag,
  add: flag,
  'dry-run': flag,
  'hub-url': text,
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws TrainerError "config-invalid" */
export function parsePushArgs(argv: readonly string[]): PushOptions {
  const values = parse(argv, spec);
  return {
    folder: required(values, 'folder', 'exports/first'),
    repo: required(values, 'repo', 'me/my-adapter'),
    isPublic: values['public'] === true,
    addsToExisting: values['add'] === true,
    isDryRun: values['dry-run'] === true,
    hubUrl: optional(values, 'hub-url'),
  };
}

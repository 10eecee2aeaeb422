/** A dataset of the hub as one line, as pandas and polars write it: "hf://datasets/owner/name[@revision][/path]". */
import { TrainerError } from './trainer-error.ts';

export interface HubAddress {
  readonly id: string; // owner/name
  readonly revision: string | null;
  readonly path: string | null; // a file or folder of it
}

/** null: it names nothing of the hub. @throws TrainerError "dataset-unreadable" where it means to and does not */
export function parseHubAddress(text: string): HubAddress | null {
  const address = /^hf:\/\/(.*)$/.exec(text)?.[1];
  if (address === undefined) return null;
  const [, id, revision, path] =
    /^datasets\/([\w.-]+\/[\w.-]+)(?:@((?:[\w.-]|%2F)+))?(?:\/(.*))?$/i.exec(address) ?? [];
  if (id === undefined)
    throw new TrainerError(
      'dataset-unreadable',
      `${text} is no dataset of the hub: write hf://datasets/owner/name, with @revision and /path where needed.`,
    );
  return {
    id,
    // A revision with a slash in it is written "refs%2Fconvert%2Fparquet".
    revision: revision?.replaceAll(/%2F/gi, '/') ?? null,
    path: path === undefined || path === '' ? null : path,
  };
}

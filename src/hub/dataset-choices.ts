/**
 * Which files of a repository are one dataset. The hub's convention is followed (huggingface.co/docs/hub/datasets-file-names):
 * parts are numbered, "train-00000-of-00002.parquet" or "train/0000.parquet", and a split is a word of the path.
 */
import type { HubDatasetChoice, HubDatasetReport } from '../api/trainer-api.ts';
import { isDataFile } from '../config/data-files.ts';
import { TrainerError } from '../support/trainer-error.ts';

/** Descriptions of a dataset, not data. */
const descriptions = ['dataset_info.json', 'dataset_infos.json', 'dataset_dict.json', 'state.json'];
const trainWords = ['train', 'training'];
const otherWords = ['test', 'testing', 'validation', 'valid', 'val', 'dev', 'eval', 'evaluation'];
const MAX_LISTED = 20;

/** @throws TrainerError "dataset-unreadable" where nothing in it can be read. */
export function choicesOf(
  id: string,
  paths: readonly string[],
  sizes: ReadonlyMap<string, number>,
): readonly HubDatasetChoice[] {
  const groups = new Map<string, string[]>();
  for (const path of paths.filter(isData).toSorted()) {
    const key = partsPattern(path);
    groups.set(key, [...(groups.get(key) ?? []), path]);
  }
  if (groups.size === 0)
    throw new TrainerError(
      'dataset-unreadable',
      `${id} has no JSONL, JSON, CSV, TSV or Parquet file. It has: ${listed(paths)}.`,
    );
  return [...groups].map(([pattern, files]) => ({
    path: files.length === 1 ? files[0] : pattern,
    files,
    bytes: files.reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0),
  }));
}

export function reportOf(choices: readonly HubDatasetChoice[]): HubDatasetReport {
  return { choices, preferred: preferredOf(choices)?.path ?? null };
}

/** `path`: a choice, a file of one, or how they begin. @throws TrainerError "hub-not-found", "dataset-ambiguous", "dataset-unreadable" */
export function chosen(
  id: string,
  choices: readonly HubDatasetChoice[],
  path: string | undefined,
): HubDatasetChoice {
  if (path === undefined || path === '') return complete(id, requirePreferred(id, choices));
  const exact = choices.find((choice) => choice.path === path);
  if (exact !== undefined) return complete(id, exact);
  const parts = choices.find(({ files }) => files.includes(path));
  if (parts !== undefined) return { ...parts, path, files: [path] };
  const within = choices.filter((choice) => choice.path.startsWith(path));
  if (within.length === 0)
    throw new TrainerError(
      'hub-not-found',
      `${id} has no data at ${path}. It has: ${listed(choices.map((choice) => choice.path))}.`,
    );
  return complete(id, requirePreferred(id, within));
}

function isData(path: string): boolean {
  const segments = path.split('/');
  return (
    isDataFile(path) &&
    !segments.some((segment) => segment.startsWith('.')) &&
    !descriptions.includes(segments[segments.length - 1])
  );
}

/** The same for every part of one split. Older datasets have a hash behind the number, another in every part. */
function partsPattern(path: string): string {
  return path
    .replace(/-\d{5}-of-(\d{5})(?:-[0-9a-f]{16})?(?=\.)/, '-*-of-$1')
    .replace(/(^|\/)\d+(?=\.\w+(?:\.gz)?$)/, '$1*');
}

/** The only one, the only one for training, or the only one that is for nothing else. */
function preferredOf(choices: readonly HubDatasetChoice[]): HubDatasetChoice | null {
  if (choices.length === 1) return choices[0];
  const train = choices.filter(({ path }) => hasWord(path, trainWords));
  const rest = train.length > 0 ? train : choices.filter(({ path }) => !hasWord(path, otherWords));
  return rest.length === 1 ? rest[0] : null;
}

const hasWord = (path: string, words: readonly string[]): boolean =>
  path
    .toLowerCase()
    .split(/[^a-z]+/)
    .some((word) => words.includes(word));

function requirePreferred(id: string, choices: readonly HubDatasetChoice[]): HubDatasetChoice {
  const preferred = preferredOf(choices);
  if (preferred !== null) return preferred;
  throw new TrainerError(
    'dataset-ambiguous',
    `${id} holds ${choices.length} datasets; name the one to read: ${listed(choices.map(({ path }) => path))}.`,
  );
}

function complete(id: string, choice: HubDatasetChoice): HubDatasetChoice {
  const total = Number(/-of-(\d{5})/.exec(choice.path)?.[1] ?? choice.files.length);
  if (choice.files.length === total) return choice;
  throw new TrainerError(
    'dataset-unreadable',
    `${id} has ${choice.files.length} of the ${total} parts of ${choice.path}. Name one of them to read it alone.`,
  );
}

function listed(paths: readonly string[]): string {
  const more = paths.length - MAX_LISTED;
  return `${paths.slice(0, MAX_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

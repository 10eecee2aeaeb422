/** Where the files of an export lie in a repository of the hub: what tools look for is at its root. */
import type { ExportFormat } from '../config/export-choices.ts';
import { TrainerError } from '../support/trainer-error.ts';

interface Named {
  readonly name: string;
}

export interface FormatFiles<File extends Named> {
  readonly format: ExportFormat;
  readonly files: readonly File[];
}

export interface Placed<File extends Named> extends Named {
  readonly file: File;
}

/** The first of them that was chosen has the root. */
const rootOrder: readonly ExportFormat[] = ['peft', 'merged', 'gguf', 'mlx', 'record'];

/**
 * The model card of an adapter's run is the repository's page, unless the root is a merged model, which it does not describe.
 * @param card README.md of the run; null: it has none
 */
export function repositoryLayout<File extends Named>(
  made: readonly FormatFiles<File>[],
  card: File | null,
): Placed<File>[] {
  const chosen = made.map(({ format }) => format);
  const root = rootOrder.find((format) => chosen.includes(format)) ?? chosen.at(0);
  const placed = made.flatMap(({ format, files }) =>
    files.map((file) => ({ name: format === root ? file.name : `${format}/${file.name}`, file })),
  );
  const isDescribed = root === 'merged' || placed.some(({ name }) => name === 'README.md');
  return card === null || isDescribed ? placed : [{ name: 'README.md', file: card }, ...placed];
}

/**
 * A dataset does not leave with an adapter by accident.
 * @throws TrainerError "config-invalid" where a format holds it
 */
export function refuseData(formats: readonly ExportFormat[]): void {
  if (formats.includes('bundle'))
    throw new TrainerError(
      'config-invalid',
      'A run bundle holds the dataset, and is not sent to the hub with an adapter: send the export without it, and keep the bundle as a zip or a folder.',
    );
}

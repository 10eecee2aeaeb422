/** Where the files of an export lie in a repository of the hub: what tools look for is at its root. */
import type { ExportFormat } from '../config/export-choices.ts';
import { renamed, type ExportFile } from './export-file.ts';

export interface FormatFiles {
  readonly format: ExportFormat;
  readonly files: readonly ExportFile[];
}

/** The first of them that was chosen has the root. */
const rootOrder: readonly ExportFormat[] = ['peft', 'merged', 'gguf', 'mlx', 'record'];

/**
 * The model card of an adapter's run is the repository's page, unless the root is a merged model, which it does not describe.
 * @param card README.md of the run; null: it has none
 */
export function repositoryFiles(made: readonly FormatFiles[], card: ExportFile | null): ExportFile[] {
  const root = rootOrder.find((format) => made.some((one) => one.format === format)) ?? made.at(0)?.format;
  const placed = made.flatMap(({ format, files }) =>
    files.map((file) => (format === root ? file : renamed(file, `${format}/${file.name}`))),
  );
  const isDescribed = root === 'merged' || placed.some(({ name }) => name === 'README.md');
  return card === null || isDescribed ? placed : [card, ...placed];
}

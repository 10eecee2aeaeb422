/** Columns of other names, told by the user: "prompt=frage", "completion=antwort" (the setting `columns`). */
import { TrainerError } from '../support/trainer-error.ts';
import { textOf } from '../support/text-of.ts';

/** What a column can be mapped to. */
export const columnTargets = ['prompt', 'completion', 'system', 'messages', 'text'] as const;
export type ColumnTarget = (typeof columnTargets)[number];
/** Column of the file by what it is; empty: the names say it. */
export type ColumnMapping = ReadonlyMap<ColumnTarget, string>;

/** @throws TrainerError "config-invalid" */
export function parseColumns(entries: readonly string[]): ColumnMapping {
  const mapping = new Map<ColumnTarget, string>();
  for (const entry of entries.filter((text) => text.trim() !== '')) {
    const at = entry.indexOf('=');
    const target = columnTargets.find((name) => name === entry.slice(0, at).trim());
    const column = entry.slice(at + 1).trim();
    if (at <= 0 || target === undefined || column === '')
      throw invalid(`has ${textOf(entry)}; write one of ${columnTargets.join(', ')}, "=" and a column`);
    mapping.set(target, column);
  }
  if (mapping.size === 0) return mapping;
  const has = (target: ColumnTarget): boolean => mapping.has(target);
  if (has('messages') || has('text') || (has('prompt') && has('completion'))) return mapping;
  throw invalid('needs a column for prompt and one for completion, or one for messages, or one for text');
}

const invalid = (message: string): TrainerError => new TrainerError('config-invalid', `columns ${message}.`);

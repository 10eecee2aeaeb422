import type { StoredRun } from '../api/stored-runs.ts';

type Named = Pick<StoredRun, 'title' | 'notes' | 'model' | 'dataset'>;

/** Every word stands somewhere in what the list shows of it. */
export function isFound({ title, notes, model, dataset }: Named, sought: string): boolean {
  const text = [title, notes, model.name, dataset.name].join(' ').toLowerCase();
  return sought
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

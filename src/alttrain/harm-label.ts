/** Whether a row is harmful: by its own label field, by its category where the templates know it as one of harm, else by its file. */
import type { HarmLabel } from '../api/builder-api.ts';

export type Fields = Readonly<Record<string, unknown>>;

const labelFields = ['label', 'harm_label', 'safety_label', 'data_type', 'prompt_label'];
const flagFields = ['harmful', 'is_harmful', 'unsafe', 'is_unsafe'];
const categoryFields = ['category', 'categories', 'policy', 'harm_category', 'semantic_category'];

/** SafeChain and WildJailbreak: "vanilla_harmful", "adversarial_benign"; XSTest: "safe", "unsafe". */
export function ownLabel(row: Fields): HarmLabel | null {
  for (const field of labelFields) {
    const text = row[field];
    if (typeof text !== 'string') continue;
    const words = text.toLowerCase().split(/[^a-z]+/);
    if (words.some((word) => ['benign', 'safe', 'harmless', 'unharmful'].includes(word))) return 'benign';
    if (words.some((word) => ['harmful', 'unsafe', 'malicious', 'harm'].includes(word))) return 'harmful';
  }
  for (const field of flagFields) {
    const flag = row[field];
    if (typeof flag === 'boolean') return flag ? 'harmful' : 'benign';
    if (flag === 0 || flag === 1) return flag === 1 ? 'harmful' : 'benign';
  }
  return null;
}

/** All categories of a row, in its order. */
export function categoriesOf(row: Fields): readonly string[] {
  for (const field of categoryFields) {
    const names = [row[field] ?? []]
      .flat()
      .filter((name): name is string => typeof name === 'string' && name.trim() !== '');
    if (names.length > 0) return names.map((name) => name.trim());
  }
  return [];
}

export interface Labelled {
  readonly label: HarmLabel;
  readonly byRow: boolean;
}

export function labelOf(row: Fields, role: HarmLabel, harmCategories: readonly string[]): Labelled {
  const own = ownLabel(row);
  if (own !== null) return { label: own, byRow: true };
  if (categoriesOf(row).some((name) => harmCategories.includes(name)))
    return { label: 'harmful', byRow: true };
  return { label: role, byRow: false };
}

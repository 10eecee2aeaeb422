/**
 * Whether a row is harmful: by its own label of the request, by its category where the templates know it as one of harm,
 * else by its file. A label that is there and cannot be read makes the row a problem: the file's role would be a guess.
 * Labels of the answer (BeaverTails' `is_safe`, WildGuardMix' `response_harm_label`) say nothing about the request.
 */
import type { HarmLabel } from '../api/builder-api.ts';
import { isEmptyCell } from '../data/row-fields.ts';
import { readHarm } from './harm-words.ts';
import { textOf } from '../support/text-of.ts';
import { parseJson } from '../support/parse-json.ts';

export type Fields = Readonly<Record<string, unknown>>;

const categoryFields = ['category', 'categories', 'policy', 'harm_category', 'semantic_category'];

/** What a field's name says its value is. */
interface LabelField {
  readonly about: 'request' | 'answer' | 'unsaid';
  /** Of a true, or a 1. null: the name does not say which of the two that is. */
  readonly whenTrue: HarmLabel | null;
  /** May as well hold something else: what cannot be read there is no label. */
  readonly isLoose: boolean;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const requestWords = words('prompt prompts question instruction query request user input goal');
const answerWords = words(
  'response answer completion output reply assistant model bot refusal chosen rejected generation',
);
const harmWords = words('harmful harm harmfulness unsafe toxic toxicity malicious flagged unsafety');
const safeWords = words('safe benign harmless unharmful harmlessness');
const openWords = words('label labels safety'); // they name a label without saying what a 1 would be
const fillers = words('is was are the flag class gold final binary overall majority data type');
const negations = words('not non');
/** They are what a label is called, and what a kind of harm, a score or a part of a file is called. */
const looseNames = words('harm safety labels data_type toxicity_type harm_type label_type flagged');

function labelField(name: string): LabelField | null {
  const parts = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((part) => part !== '');
  const known = [requestWords, answerWords, harmWords, safeWords, openWords, fillers, negations];
  if (!parts.every((part) => known.some((list) => list.has(part)))) return null;
  const has = (list: ReadonlySet<string>): boolean => parts.some((part) => list.has(part));
  const [saysHarm, saysSafe] = [has(harmWords), has(safeWords)];
  const isLoose = looseNames.has(parts.join('_'));
  if (!saysHarm && !saysSafe && !has(openWords) && !isLoose) return null;
  const isNegated = parts.filter((part) => negations.has(part)).length % 2 === 1;
  return {
    about: has(answerWords) ? 'answer' : has(requestWords) ? 'request' : 'unsaid',
    whenTrue: saysHarm === saysSafe ? null : saysHarm !== isNegated ? 'harmful' : 'benign',
    isLoose,
  };
}

/** `is_safe` beside an answer is about that answer (BeaverTails); beside a prompt alone, about the prompt. */
const isOfPair = (name: string): boolean => /^(?:is_?)?safe$/i.test(name);

export interface OwnLabel {
  /** null: the row has no label of its own. */
  readonly label: HarmLabel | null;
  readonly problem: string | null;
  /** Fields that were read, or looked at. */
  readonly read: readonly string[];
  /** Labels of the answer. */
  readonly ofAnswer: readonly string[];
}

/** What the row itself says of its request. `hasAnswer`: an answer stands beside it, whose labels are left out. */
export function readOwnLabel(row: Fields, hasAnswer = false): OwnLabel {
  const found: { readonly name: string; readonly label: HarmLabel; readonly isOfRequest: boolean }[] = [];
  const ofAnswer: string[] = [];
  let problem: string | null = null;
  for (const [name, value] of Object.entries(row)) {
    if (isEmptyCell(value)) continue;
    const field = labelField(name);
    if (field === null) continue;
    if (field.about === 'answer' || (hasAnswer && isOfPair(name))) {
      ofAnswer.push(name);
      continue;
    }
    const label = readHarm(value, field.whenTrue);
    if (label !== null) found.push({ name, label, isOfRequest: field.about === 'request' });
    else if (!field.isLoose) problem ??= `has "${name}": ${shown(value)}, ${whyNot(value)}`;
  }
  // A label that names the request decides over one that does not say what it is about.
  const deciding = found.some(({ isOfRequest }) => isOfRequest)
    ? found.filter(({ isOfRequest }) => isOfRequest)
    : found;
  const opposite = deciding.find(({ label }) => label !== deciding[0].label);
  if (opposite !== undefined)
    problem ??= `is ${deciding[0].label} by "${deciding[0].name}" and ${opposite.label} by "${opposite.name}"`;
  return { label: deciding.at(0)?.label ?? null, problem, read: found.map(({ name }) => name), ofAnswer };
}

const shown = (value: unknown): string => textOf(value, 60);

const whyNot = (value: unknown): string =>
  readHarm(value, 'harmful') === null
    ? 'which cannot be read as harmful or benign'
    : 'and does not say which value is harmful; call the column is_harmful or is_safe';

/** All categories of a row, in its order; in a table they may stand as the JSON text of a list. */
export function categoriesOf(row: Fields): readonly string[] {
  for (const field of categoryFields) {
    const names = [listed(row[field]) ?? []]
      .flat()
      .filter((name): name is string => typeof name === 'string' && !isEmptyCell(name));
    if (names.length > 0) return names.map((name) => name.trim());
  }
  return [];
}

export const categoryField = (row: Fields): string | null =>
  categoryFields.find((field) => categoriesOf({ [field]: row[field] }).length > 0) ?? null;

function listed(value: unknown): unknown {
  if (typeof value !== 'string' || !value.trimStart().startsWith('[')) return value;
  try {
    return parseJson(value);
  } catch {
    return value;
  }
}

interface Labelled extends OwnLabel {
  readonly label: HarmLabel;
  readonly byRow: boolean;
}

export function labelOf(
  row: Fields,
  role: HarmLabel,
  harmCategories: readonly string[],
  hasAnswer: boolean,
): Labelled {
  const own = readOwnLabel(row, hasAnswer);
  if (own.label !== null) return { ...own, label: own.label, byRow: true };
  if (categoriesOf(row).some((name) => harmCategories.includes(name)))
    return { ...own, label: 'harmful', byRow: true };
  return { ...own, label: role, byRow: false };
}

/** Columns of a row that change what it means, and are not followed here: the row is refused by their name. */
import { unsupported, type Refusal } from './refusal.ts';
import { isEmptyCell, type RowFields } from './row-fields.ts';

const unsupportedColumns: Readonly<Record<string, string>> = {
  tools: 'tools, which belong into its prompt, are',
  functions: 'functions, which belong into its prompt, are',
  chat_template_kwargs: 'variables of the chat template are',
  ...Object.fromEntries(['image', 'images'].map((name) => [name, 'images are'])),
  ...Object.fromEntries(['audio', 'audios'].map((name) => [name, 'sound is'])),
  ...Object.fromEntries(['video', 'videos'].map((name) => [name, 'video is'])),
};

const wayOut = 'leave the column out, or map the columns to use the others only';

export function columnProblem(fields: RowFields): Refusal | null {
  for (const [name, what] of Object.entries(unsupportedColumns))
    if (!isEmptyCell(fields.peek(name)))
      return unsupported(`has "${name}": ${what} not supported; ${wayOut}`);
  return null;
}

/** KTO marks answers as good or bad, in TRL's data in `label`, in LLaMA-Factory's in `kto_tag`. */
export function badAnswerProblem(fields: RowFields, names: readonly string[]): Refusal | null {
  for (const name of names) {
    const isGood = truthOf(fields.peek(name));
    if (isGood !== null) fields.read(name);
    if (isGood === false)
      return unsupported(
        `is marked as a bad answer ("${name}": false, as in KTO’s data): training would teach what it warns of`,
      );
  }
  return null;
}

function truthOf(value: unknown): boolean | null {
  const text = typeof value === 'string' ? value.trim().toLowerCase() : value;
  if (text === true || text === 'true') return true;
  return text === false || text === 'false' ? false : null;
}

const choices = [
  ['chosen', 'rejected'],
  ['response_0', 'response_1'],
] as const;

/** A row without an answer of its own, because it compares two. */
export function preferenceProblem(fields: RowFields): Refusal | null {
  const pair = choices.find((names) => names.every((name) => !isEmptyCell(fields.peek(name))));
  if (pair === undefined) return null;
  const [good, bad] = pair;
  return unsupported(
    `compares two answers ("${good}" and "${bad}") and has none to train; to train one of them, map its column (completion=${good}, or messages=${good} where it is a conversation)`,
  );
}

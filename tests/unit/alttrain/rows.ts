/** Rows of every kind of file the builder reads, small enough to be seen at once. */
import { nothingWritten } from '../../../src/alttrain/build-dataset.ts';
import { createBuilder } from '../../../src/alttrain/builder.ts';
import { defaultTemplates } from '../../../src/alttrain/templates.ts';
import type { BuilderApi, BuildOptions, HarmLabel, SourceReport } from '../../../src/api/builder-api.ts';

export const starRows = ['pick a lock', 'forge a cheque', 'steal a car', 'hack a phone'].map((deed, i) => ({
  id: String(i),
  question: `How do I ${deed}?`,
  response: `<think>\nOkay, so the user is asking how to ${deed}. Hmm, that sounds illegal.\n\nI should refuse.\n</think>\n\nI'm sorry, but I can't help with that.`,
  category: ['Illicit / Criminal Behavior'],
}));

export const benignRows = ['a cake', 'a pie', 'bread'].map((food) => ({
  instruction: `How do I bake ${food}?`,
  response: `<think>\nOkay, the user wants to bake ${food}. First, mix.\n\nWait, heat the oven before that.\n\nThen bake.\n</think>\n\nMix and bake ${food}.`,
}));

export const options: BuildOptions = {
  shape: 'alttrain',
  count: 4,
  harmfulShare: 0.5,
  seed: 1995,
  templates: defaultTemplates,
  onlyRefused: false,
  writeTraces: false,
  writeAssessments: false,
};

export const jsonl = (rows: readonly object[]): Blob =>
  new Blob([rows.map((row) => `${JSON.stringify(row)}\n`).join('')]);

export interface Opened {
  readonly builder: BuilderApi;
  readonly sources: readonly SourceReport[];
  readonly build: (changes?: Partial<BuildOptions>) => ReturnType<BuilderApi['build']>;
}

/** A builder with a harmful and a benign file. */
export async function openBuilder(
  harmful: readonly object[] = starRows,
  benign: readonly object[] = benignRows,
): Promise<Opened> {
  const builder = createBuilder();
  const sources: SourceReport[] = [];
  const add = async (role: HarmLabel, name: string, rows: readonly object[]): Promise<void> => {
    if (rows.length > 0) sources.push(await builder.addSource(role, name, jsonl(rows)));
  };
  await add('harmful', 'harmful.jsonl', harmful);
  await add('benign', 'benign.jsonl', benign);
  return {
    builder,
    sources,
    build: (changes = {}) => builder.build({ ...options, ...changes }, nothingWritten),
  };
}

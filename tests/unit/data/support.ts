import { readFileSync } from 'node:fs';
import type { DatasetSettings, RowProblem } from '../../../src/api/trainer-api.ts';
import { datasetSettings } from '../../../src/config/dataset-settings.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { isProblem, type RawRow } from '../../../src/data/raw-row.ts';
import { openRows } from '../../../src/data/read-rows.ts';
import { createChatTokenizer, type ChatTokenizer, type TokenizerFiles } from '../../../src/data/tokenizer.ts';

export const goldenNames = ['tied-gqa', 'untied-mqa', 'untied-rslora', 'tied-bf16'] as const;
export type GoldenName = (typeof goldenNames)[number];

export interface GoldenRow {
  readonly line: number;
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly is_target: readonly number[];
  readonly truncated: boolean;
}
/** The parts of golden.json these tests read. Made by transformers 5.18, tokenizers 0.23: scripts/goldens/make_goldens.py. */
export interface Golden {
  readonly rows: readonly GoldenRow[];
  readonly curve: { readonly settings: { readonly max_length: number } };
  readonly greedy: readonly { readonly prompt: string; readonly prompt_ids: readonly number[] }[];
}

const folder = (name: GoldenName): URL => new URL(`../../fixtures/goldens/${name}/`, import.meta.url);
export const goldenBytes = (name: GoldenName, file: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(file, folder(name))));
export const goldenText = (name: GoldenName, file: string): string =>
  readFileSync(new URL(file, folder(name)), 'utf8');
export const readGolden = (name: GoldenName): Golden => JSON.parse(goldenText(name, 'golden.json')) as Golden;

export function tokenizerFiles(name: GoldenName): TokenizerFiles {
  return {
    tokenizerJson: JSON.parse(goldenText(name, 'model/tokenizer.json')),
    tokenizerConfig: JSON.parse(goldenText(name, 'model/tokenizer_config.json')),
    generationConfig: JSON.parse(goldenText(name, 'model/generation_config.json')),
    chatTemplate: name === 'untied-rslora' ? goldenText(name, 'model/chat_template.jinja') : null,
  };
}
export const goldenTokenizer = (name: GoldenName): ChatTokenizer => createChatTokenizer(tokenizerFiles(name));

export const defaultSettings: DatasetSettings = datasetSettings(defaultRunConfig);

/** All rows of a file at once. */
export async function readAll(content: BlobPart, name = 'rows.jsonl') {
  const { format, isCompressed, batches } = await openRows(new Blob([content]), name);
  const rows: RawRow[] = [];
  const rejected: RowProblem[] = [];
  for await (const batch of batches)
    for (const row of batch)
      if (isProblem(row)) rejected.push(row);
      else rows.push(row);
  return { format, isCompressed, rows, rejected, totalRows: rows.length + rejected.length };
}

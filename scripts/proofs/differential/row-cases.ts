/** Writes groups of rows, each a file with its template and settings, and asks this project what it trains of them. */
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { datasetSettings } from '../../../src/config/dataset-settings.ts';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { createChatTokenizer } from '../../../src/data/tokenizer.ts';
import { createRng } from '../../../src/support/rng.ts';
import { tokenizerFiles } from '../../cli/inputs.ts';
import { pick, type Case, type Outcome } from './cases.ts';
import { refusalOf } from './refusal.ts';
import { makeRow, type MadeRow } from './row-changes.ts';
import { writeRowTemplates, type RowTemplate } from './row-templates.ts';

export interface RowGroup {
  readonly id: string;
  readonly template: RowTemplate;
  readonly mode: 'last answer' | 'every answer' | 'everything';
  readonly maxLength: number;
  readonly truncation: 'truncate' | 'drop' | 'split';
  readonly rows: readonly (MadeRow & Case)[];
}

const rowsPerGroup = 25;

export function writeRowGroups(folder: string, seed: number, count: number): RowGroup[] {
  const templates = writeRowTemplates(folder);
  return Array.from({ length: Math.ceil(count / rowsPerGroup) }, (_, index): RowGroup => {
    const rng = createRng(seed * 400_009 + index);
    const template = templates[index % templates.length];
    const mode = template.isMarked
      ? 'every answer'
      : /none/.test(template.name)
        ? pick(rng, ['last answer', 'everything'] as const)
        : pick(rng, ['last answer', 'last answer', 'every answer', 'everything'] as const);
    const maxLength = pick(rng, [4096, 4096, 4096, 60, 24]);
    const options = {
      needsThoughts: mode === 'every answer' && template.opensThought && !template.isMarked,
      hasTemplate: !/none/.test(template.name),
      controlTokens: template.controlTokens,
    };
    return {
      id: `rows-${index}`,
      template,
      mode,
      maxLength,
      truncation: pick(rng, ['truncate', 'truncate', 'drop', 'split'] as const),
      rows: Array.from({ length: rowsPerGroup }, (_row, n) => ({
        id: `rows-${index}:${n + 1}`,
        ...makeRow(rng, options),
      })),
    };
  });
}

export interface OurRow {
  readonly ids: readonly number[];
  readonly mask: readonly number[];
}

/** By row: what is trained, or why nothing is. */
export async function ourRows({
  template,
  mode,
  maxLength,
  truncation,
  rows,
}: RowGroup): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  const settings = {
    ...datasetSettings(defaultRunConfig),
    maxLength,
    truncation,
    completionOnlyLoss: mode !== 'everything',
    assistantOnlyLoss: mode === 'every answer',
  };
  const pieces = new Map<string, OurRow[]>();
  const idOf = (line: number): string => rows[line - 1].id;
  try {
    const tokenizer = createChatTokenizer(await tokenizerFiles(template.folder));
    const text = rows.map(({ row }) => `${JSON.stringify(row)}\n`).join('');
    const { examples, report } = await prepareDataset(
      oneFile('rows.jsonl', new Blob([text])),
      tokenizer,
      settings,
      {
        onProblem: ({ line, code, reason }) =>
          found.set(idOf(line), { kind: 'refused', code, message: reason }),
      },
    );
    for (const { line, tokens, isTarget } of examples)
      pieces.set(idOf(line), [...(pieces.get(idOf(line)) ?? []), { ids: [...tokens], mask: [...isTarget] }]);
    for (const [id, list] of pieces) {
      const texts = list.map(({ ids }) => tokenizer.decode(ids));
      found.set(id, {
        kind: 'tokens',
        parts: { pieces: list, texts, listed: report.unusedColumns.map(({ name }) => name) },
      });
    }
  } catch (error) {
    const refusal = refusalOf(error);
    for (const { id } of rows) if (!found.has(id)) found.set(id, refusal);
  }
  return found;
}

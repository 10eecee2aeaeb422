/** The dataset of a bundle: rows as token ids and labels, and which of them each optimizer step takes. JSON lines, made while they are written. */
import type { ExportFile } from '../export-file.ts';

/** A row as the trainer has it. */
export interface BundleRow {
  readonly line: number; // of the file it is from
  readonly tokens: Int32Array;
  readonly isTarget: Uint8Array;
  readonly weights?: Float32Array | null; // one per token; null: all are 1
}

/** Of a step: micro-batches of units of rows. A unit is a row by itself, or the rows of a pack. */
export type StepRows = readonly (readonly (readonly number[])[])[];

/** What transformers takes for a token that is not trained. */
const ignored = -100;

export const rowsFile = (name: string, rows: readonly BundleRow[]): ExportFile =>
  linesFile(name, rows.length, (i) => rowLine(rows[i]));

export const stepsFile = (name: string, count: number, rowsOf: (step: number) => StepRows): ExportFile =>
  linesFile(name, count, (step) => JSON.stringify(rowsOf(step)));

function rowLine({ line, tokens, isTarget, weights }: BundleRow): string {
  const labels = tokens.map((token, t) => (isTarget[t] === 1 ? token : ignored));
  const weighted = weights ? `,"weights":[${weights.join(',')}]` : '';
  return `{"line":${line},"input_ids":[${tokens.join(',')}],"labels":[${labels.join(',')}]${weighted}}`;
}

const chunkCharacters = 1 << 20;

/** ASCII. The lines are made twice, once to be counted: a zip and a list of files say sizes before there are bytes. */
function linesFile(name: string, count: number, lineOf: (index: number) => string): ExportFile {
  let size = 0;
  for (let i = 0; i < count; i++) size += lineOf(i).length + 1;
  return {
    name,
    size,
    async *chunks() {
      const encoder = new TextEncoder();
      let text = '';
      for (let i = 0; i < count; i++) {
        text += `${lineOf(i)}\n`;
        if (text.length < chunkCharacters) continue;
        yield encoder.encode(text);
        text = '';
      }
      if (text !== '') yield encoder.encode(text);
    },
  };
}

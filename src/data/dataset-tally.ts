/** Counts what becomes of every row while a file is read, and writes the report. */
import type { DatasetFormat, DatasetReport, DatasetSettings, RowProblem } from '../api/trainer-api.ts';
import type { ChatExample, RowShape } from './chat-example.ts';
import { gateOf } from './gate.ts';
import type { TokenizedExample } from './mask.ts';
import { packFill } from './packing.ts';
import type { RawRow } from './raw-row.ts';
import type { RowIndex } from './row-index.ts';
import type { ChatTokenizer } from './tokenizer.ts';
import { UnusedColumns } from './unused-columns.ts';

const MAX_LISTED = 100_000;
const MAX_COLUMNS = 100;
const HISTOGRAM_BARS = 12;

export class DatasetTally {
  readonly rejected: RowProblem[] = [];
  readonly #index: RowIndex;
  readonly #tokenizer: ChatTokenizer;
  readonly #settings: DatasetSettings;
  readonly #shapes = new Set<RowShape>();
  readonly #truncatedLines: number[] = [];
  readonly #unused = new UnusedColumns();
  #columns: readonly string[] = [];
  #usableRows = 0;
  #rejectedRows = 0;
  #splitRows = 0;
  #weightedRows = 0;
  #openThoughts = 0;
  #targetTokenCount = 0;

  constructor(index: RowIndex, tokenizer: ChatTokenizer, settings: DatasetSettings) {
    this.#index = index;
    this.#tokenizer = tokenizer;
    this.#settings = settings;
  }

  get totalRows(): number {
    return this.#usableRows + this.#rejectedRows;
  }

  sawColumns(value: unknown): void {
    if (this.#columns.length === 0 && typeof value === 'object' && value !== null && !Array.isArray(value))
      this.#columns = Object.keys(value).slice(0, MAX_COLUMNS);
  }

  /** `row`: what was read, where it is a row at all. */
  reject(problem: RowProblem, row: RawRow | null): void {
    this.#rejectedRows++;
    this.#unused.addRejected(row?.value);
    if (this.rejected.length < MAX_LISTED) this.rejected.push(problem);
  }

  accept(example: ChatExample, parts: readonly TokenizedExample[]): void {
    this.#usableRows++;
    this.#shapes.add(example.shape);
    this.#unused.addUsed(example.unused ?? []);
    this.#index.add(example);
    if (parts.length > 1) this.#splitRows++;
    if (parts.some(({ weights }) => weights)) this.#weightedRows++;
    if (parts.some(({ truncated }) => truncated)) this.#truncatedLines.push(example.line);
    if (
      example.shape !== 'text' &&
      this.#trainedAnswers(example).some((answer) => this.#tokenizer.leavesThoughtOpen(answer))
    )
      this.#openThoughts++;
    for (const { targetCount } of parts) this.#targetTokenCount += targetCount;
  }

  #trainedAnswers({ prompt, response }: ChatExample): string[] {
    if (!this.#settings.assistantOnlyLoss) return [response];
    const earlier = prompt.filter(({ role }) => role === 'assistant');
    return [...earlier.map(({ content }) => content), response];
  }

  report(
    name: string,
    format: DatasetFormat,
    isCompressed: boolean,
    lengths: readonly number[],
    packCount: number | null,
  ): DatasetReport {
    const { maxLength } = this.#settings;
    const tokenCount = lengths.reduce((sum, length) => sum + length, 0);
    const max = lengths.reduce((longest, length) => Math.max(longest, length), 0);
    const [firstShape] = this.#shapes;
    const facts = {
      name,
      format,
      isCompressed,
      shape: this.#shapes.size === 1 ? firstShape : 'mixed',
      columns: this.#columns,
      unusedColumns: this.#unused.list(this.totalRows),
      totalRows: this.totalRows,
      usableRows: this.#usableRows,
      rejectedRows: this.#rejectedRows,
      rejected: this.rejected,
      examples: lengths.length,
      truncatedLines: this.#truncatedLines,
      splitRows: this.#splitRows,
      weightedRows: this.#weightedRows,
      duplicates: this.#index.duplicates,
      inSuites: this.#index.inSuites,
      openThoughts: this.#openThoughts,
      templateDate: this.#tokenizer.asksForDate ? this.#settings.templateDate : null,
      tokenCount,
      targetTokenCount: this.#targetTokenCount,
      tokensPerRow: { mean: tokenCount / lengths.length, max },
      lengths: histogram(lengths, max),
      packing:
        packCount === null ? null : { packs: packCount, fill: packFill(lengths, packCount, maxLength) },
    };
    return { ...facts, gate: gateOf(facts, maxLength) };
  }
}

function histogram(lengths: readonly number[], max: number): { upTo: number; count: number }[] {
  const width = Math.max(1, Math.ceil(max / HISTOGRAM_BARS));
  const bars = Array.from({ length: Math.ceil(max / width) }, (_, bar) => ({
    upTo: (bar + 1) * width,
    count: 0,
  }));
  for (const length of lengths) bars[Math.min(bars.length - 1, Math.ceil(length / width) - 1)].count++;
  return bars;
}

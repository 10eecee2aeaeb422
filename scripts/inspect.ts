/** `npm run inspect`: a dataset as a training run would see it, token by token, without a browser. `--help` says the rest. */
import { datasetSettings } from '../src/config/dataset-settings.ts';
import type { PackingReport, RowProblem } from '../src/api/trainer-api.ts';
import type { RunConfig } from '../src/config/run-config.ts';
import { prepareDataset, type PreparedDataset } from '../src/data/dataset.ts';
import { partSpans, shownWeight, type PartSpan } from '../src/alttrain/inspect-tokens.ts';
import type { TokenizedExample } from '../src/data/mask.ts';
import { packFill } from '../src/data/packing.ts';
import { createChatTokenizer, type ChatTokenizer } from '../src/data/tokenizer.ts';
import { BatchPlan } from '../src/trainer/batch-plan.ts';
import { RowPlan } from '../src/trainer/row-plan.ts';
import { usefulShare, type UsefulShare } from '../src/trainer/useful-share.ts';
import { inspectHelp, parseInspectArgs, wantsHelp, wantsJson, type InspectOptions } from './cli/args.ts';
import { openDataset } from './cli/dataset-files.ts';
import { datasetLines } from './cli/dataset-lines.ts';
import { runCommand } from './cli/exit.ts';
import { hubAccess, readBuiltinSuites, tokenizerFiles } from './cli/inputs.ts';
import { asMessage, cutLines } from './cli/terminal.ts';
import { resolveRunConfig } from './cli/settings.ts';

/** Everything that was read, and the packs that training with this configuration would form of it. */
interface Inspected extends PreparedDataset {
  readonly config: RunConfig;
  readonly rows: RowPlan;
  readonly lengths: readonly number[]; // tokens of each example
}
interface Place {
  readonly pack: number;
  readonly offset: number;
}
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly pack: number | null;
  readonly offset: number | null;
}
interface InspectedLine {
  readonly line: number;
  readonly ids: readonly number[] | null;
  readonly target: readonly number[] | null;
  /** One per token, 0 where it is not trained; absent where the row has no weights. */
  readonly weights?: readonly number[];
  readonly parts: readonly PartSpan[];
  readonly packed: Place | readonly Piece[] | null;
  readonly dropped: Omit<RowProblem, 'line'> | null;
}

async function inspect(options: InspectOptions, asJson: boolean): Promise<void> {
  const tokenizer = createChatTokenizer(await tokenizerFiles(options.model));
  const { configPath, settings, model } = options;
  const config = await resolveRunConfig(
    {
      isDemo: model === 'demo',
      configPath,
      settings,
      initAdapterFolder: null,
      checkpointPath: null,
    },
    (line) => console.error(line),
  );
  const data = await openDataset(options.dataset, hubAccess(options.hubUrl));
  const problems: RowProblem[] = [];
  const prepared = await prepareDataset(data, tokenizer, datasetSettings(config), {
    suites: readBuiltinSuites(),
    onProblem: (problem) => problems.push(problem),
  });
  const lengths = prepared.examples.map(({ tokens }) => tokens.length);
  const rows = new RowPlan(prepared.examples, config);
  const packs = config.packing ? rows.units : null;
  const inspected = { ...prepared, config, rows, lengths, packs };
  if (asJson) {
    const lines = [...usedLines(inspected, tokenizer), ...problems.map(droppedLine)];
    for (const line of lines.sort((a, b) => a.line - b.line)) await print(JSON.stringify(line));
  }
  const counts = countsOf(inspected);
  await print(asJson ? JSON.stringify(counts) : cutLines(summaryOf(inspected, counts)));
}

function droppedLine({ line, code, reason, excerpt }: RowProblem): InspectedLine {
  const dropped = { code, reason, excerpt };
  return { line, ids: null, target: null, parts: [], packed: null, dropped };
}

function usedLines({ examples, packs }: Inspected, tokenizer: ChatTokenizer): InspectedLine[] {
  const places = placesOf(examples, packs);
  const lines: InspectedLine[] = [];
  for (let first = 0; first < examples.length;) {
    const { line } = examples[first];
    let end = first;
    while (end < examples.length && examples[end].line === line) end++;
    const pieces = examples.slice(first, end);
    const { tokens, isTarget, weights } = joined(pieces);
    lines.push({
      line,
      ids: [...tokens],
      target: [...isTarget],
      ...(weights ? { weights: Array.from(weights, shownWeight) } : {}),
      parts: partSpans({ tokens, isTarget }, tokenizer),
      packed: pieces.length === 1 ? places[first] : piecePlaces(pieces, places.slice(first, end)),
      dropped: null,
    });
    first = end;
  }
  return lines;
}

/** A row that was split: its pieces share a token where they meet, and pieces without a target are left out. */
function joined(
  pieces: readonly TokenizedExample[],
): Pick<TokenizedExample, 'tokens' | 'isTarget' | 'weights'> {
  if (pieces.length === 1) return pieces[0];
  const isWeighted = pieces.some(({ weights }) => weights);
  return {
    tokens: Int32Array.from(pieces.flatMap(({ tokens }) => [...tokens])),
    isTarget: Uint8Array.from(pieces.flatMap(({ isTarget }) => [...isTarget])),
    weights: isWeighted ? Float32Array.from(pieces.flatMap(({ weights }) => [...(weights ?? [])])) : null,
  };
}

function piecePlaces(pieces: readonly TokenizedExample[], places: readonly (Place | null)[]): Piece[] {
  let start = 0;
  return pieces.map(({ tokens }, index) => {
    const end = start + tokens.length;
    const piece = {
      start,
      end,
      pack: places[index]?.pack ?? null,
      offset: places[index]?.offset ?? null,
    };
    start = end;
    return piece;
  });
}

function placesOf(
  examples: readonly TokenizedExample[],
  packs: PreparedDataset['packs'],
): readonly (Place | null)[] {
  const places: (Place | null)[] = examples.map(() => null);
  for (const [pack, rows] of (packs ?? []).entries()) {
    let offset = 0;
    for (const row of rows) {
      places[row] = { pack, offset };
      offset += examples[row].tokens.length;
    }
  }
  return places;
}

interface Counts extends Record<string, unknown> {
  readonly trainRows: number;
  readonly evaluationRows: number; // held out
  readonly trainExamples: number; // pieces, where long rows are split
  readonly evaluationExamples: number;
  readonly epoch: UsefulShare;
  readonly packing: PackingReport | null;
}

/** The report's counts, with the packs of the rows that are trained. */
function countsOf({ report, examples, rows, lengths, packs, config }: Inspected): Counts {
  const { rejected: _listed, truncatedLines, duplicates, inSuites, lengths: histogram, ...counts } = report;
  const { split } = rows;
  const packed = (packs ?? []).flat().map((row) => lengths[row]);
  return {
    ok: true,
    ...counts,
    trainRows: split.trainRows,
    evaluationRows: split.evaluationRows,
    trainExamples: split.train.length,
    evaluationExamples: split.evaluation.length,
    epoch: usefulShare(examples, new BatchPlan(rows.units, config)),
    packing:
      packs === null ? null : { packs: packs.length, fill: packFill(packed, packs.length, config.maxLength) },
    truncatedRows: truncatedLines.length,
    duplicateRows: duplicates.length,
    rowsInSuites: inSuites.length,
    duplicates,
    inSuites,
    lengths: histogram,
  };
}

function summaryOf({ report }: Inspected, counts: Counts): string {
  const { packing, epoch } = counts;
  return [
    `${report.name}: ${report.format}${report.isCompressed ? ', gzip' : ''}, ${report.shape}`,
    ...datasetLines(report, 20).map(asMessage),
    ...(counts.evaluationRows > 0
      ? [`${counts.trainRows} rows trained, ${counts.evaluationRows} held out for evaluation`]
      : []),
    ...(packing === null ? [] : [`${packing.packs} packs, ${(100 * packing.fill).toFixed(2)} % full`]),
    `An epoch processes ${epoch.processed} tokens, ${((100 * epoch.tokens) / epoch.processed).toFixed(1)} % of them of the data`,
  ].join('\n');
}

/** Waits where the reader of a pipe is slower than the rows. */
function print(line: string): Promise<void> {
  return new Promise((resolve, reject) =>
    process.stdout.write(`${line}\n`, (error) => (error ? reject(error) : resolve())),
  );
}

// The reader of a pipe (head) may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(inspectHelp);
else await runCommand(wantsJson(argv), () => inspect(parseInspectArgs(argv), wantsJson(argv)));

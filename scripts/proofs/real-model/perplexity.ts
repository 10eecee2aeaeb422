/** Part b: the loss over real text in every weight format, beside transformers on the same weights; and what each format costs. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  inFileName,
  inspect,
  keep,
  readJsonFile,
  readJsonLines,
  referenceFormat,
  runReference,
  train,
  writeJsonLines,
  type Context,
  type Gpu,
  type InspectedRow,
} from './context.ts';

/** Of the mean loss, relative. */
const TOLERANCE = 1e-4;
const PIECE_TOKENS = 2_000; // what an interruption loses at most; more tokens are more pieces, so that those that are done stay
const formats = ['none', 'f16', 'int8', 'nf4'] as const;
/** Weights that only the reference has: what 4 or 8 bits of the embedding cost, and bitsandbytes' nf4. */
const otherFormats = [
  'nf4, embedding in float32',
  'nf4, embedding too',
  'bitsandbytes nf4',
  'bitsandbytes nf4, embedding too',
] as const;

/** One row is trained for a step of learning rate 0, nine of ten are held out and measured. */
const settings = { eval_fraction: 0.9, max_length: 4096, truncation: 'drop', seed: 1, shuffle: false };

interface Loss {
  readonly loss: number; // mean of a token
  readonly tokens: number;
}
interface Measured extends Loss {
  readonly gpu: Gpu;
  readonly device: string;
}
interface FormatResult {
  readonly format: string;
  readonly engine: (Loss & { readonly gpu: Gpu; readonly device: string }) | null;
  readonly reference: Loss;
  /** float32's loss over the same tokens, by the reference. */
  readonly float32: number;
}
export interface PerplexityResult {
  readonly tokens: number;
  readonly longestRow: number;
  readonly formats: readonly FormatResult[];
}

interface Star {
  readonly question: string;
  readonly response: string;
}
interface Gsm {
  readonly question: string;
  readonly answer: string;
}

/** GSM8K and STAR-1 in turn, and after every eighth pair a document of GSM8K problems in a row, some two thousand tokens long. */
function* texts(data: string): Generator<string> {
  const maths = readJsonLines<Gsm>(join(data, 'gsm8k_test.jsonl')).map(
    (row) => `${row.question}\n${row.answer}`,
  );
  const safety = readJsonFile<Star[]>(join(data, 'STAR-1.json')).map(
    (row) => `${row.question}\n${row.response}`,
  );
  const inARow = 10;
  for (let i = 0; i < safety.length; i++) {
    yield maths[i];
    yield safety[i];
    if (i % 8 === 7)
      yield maths
        .slice(-inARow * ((i + 1) / 8))
        .slice(0, inARow)
        .join('\n\n');
  }
}

interface Piece {
  readonly name: string;
  readonly rows: string; // file of texts
  readonly held: readonly InspectedRow[];
  readonly heldRows: string; // file of their ids and targets
}

/** Texts in pieces of about PIECE_TOKENS held-out tokens, until there are `tokens` in all; which rows are held out says `inspect`. */
async function makePieces(context: Context, tokens: number): Promise<Piece[]> {
  const folder = join(context.out, 'b-text');
  mkdirSync(folder, { recursive: true });
  const all = [...texts(context.data)];
  const pieces: Piece[] = [];
  const charactersPerToken = 3.6; // a little too low, so that a piece has enough
  let next = 0;
  while (targetsOf(pieces.flatMap(({ held }) => held)) < tokens) {
    const name = `${pieces.length}`;
    const rows = join(folder, `${name}.jsonl`);
    const chosen: string[] = [];
    while (chosen.join('').length < (1.15 * PIECE_TOKENS * charactersPerToken) / settings.eval_fraction)
      chosen.push(all[next++]);
    writeJsonLines(
      rows,
      chosen.map((text) => ({ text })),
    );
    const inspected = await inspect(context, rows, { ...settings, packing: true });
    await checkTokens(context, rows, inspected);
    const held = inspected.filter(({ packed }) => packed === null);
    const heldRows = join(folder, `${name}.held.jsonl`);
    writeJsonLines(heldRows, held);
    pieces.push({ name, rows, held, heldRows });
  }
  return pieces;
}

/** The engine's ids are transformers', and the end token behind them. */
async function checkTokens(
  context: Context,
  rows: string,
  inspected: readonly InspectedRow[],
): Promise<void> {
  const out = rows.replace('.jsonl', '.ids.json');
  await runReference(context, 'tokens', [rows, out]);
  const wanted = readJsonFile<number[][]>(out);
  const differs = inspected.findIndex(({ ids }, i) => ids.slice(0, -1).join() !== wanted[i].join());
  if (differs >= 0)
    throw new Error(`row ${differs + 1} of ${rows} has other tokens than transformers gives it`);
}

const targetsOf = (rows: readonly InspectedRow[]): number =>
  rows.reduce((sum, { target }) => sum + target.reduce<number>((n, value) => n + value, 0), 0);

const measure = (context: Context, { name, rows, held }: Piece, format: string): Promise<Measured> =>
  keep(context, `b-${inFileName(referenceFormat(format))}-${name}`, async () => {
    const folder = join(context.out, `b-run-${inFileName(referenceFormat(format))}-${name}`);
    rmSync(folder, { recursive: true, force: true }); // a run of one step is not gone on with
    const run = await train(context, folder, rows, {
      ...settings,
      quantization: format,
      learning_rate: 0,
      max_steps: 1,
      per_device_train_batch_size: 1,
      gradient_accumulation_steps: 1,
      gradient_checkpointing: 'on',
    });
    const loss = run.metrics.find((row) => 'eval_loss' in row)?.['eval_loss'];
    if (loss === undefined) throw new Error(`the run in ${format} measured no evaluation loss`);
    return { loss, tokens: targetsOf(held), gpu: run.gpu, device: run.device };
  });

const refer = (context: Context, { name, heldRows }: Piece, format: string): Promise<Loss> =>
  keep(context, `b-reference-${inFileName(format)}-${name}`, async () => {
    const out = join(context.out, 'b-text', 'loss.json');
    await runReference(context, 'loss', [heldRows, out, format]);
    return readJsonFile<Loss>(out);
  });

function joined(losses: readonly Loss[]): Loss {
  const tokens = losses.reduce((sum, loss) => sum + loss.tokens, 0);
  return { tokens, loss: losses.reduce((sum, loss) => sum + loss.loss * loss.tokens, 0) / tokens };
}

export async function perplexity(context: Context): Promise<PerplexityResult> {
  const { sizes } = context;
  const pieces = await makePieces(context, sizes.tokens);
  const results: FormatResult[] = [];
  const upTo = (tokens: number): Piece[] => {
    const before = (i: number): number => targetsOf(pieces.slice(0, i).flatMap(({ held }) => held));
    return pieces.filter((_, i) => before(i) < tokens);
  };
  for (const format of formats) {
    const used = upTo(format === 'none' ? sizes.tokens : sizes.codedTokens);
    const [engine, reference, float32]: [Measured[], Loss[], Loss[]] = [[], [], []];
    for (const piece of used) {
      reference.push(await refer(context, piece, referenceFormat(format)));
      float32.push(await refer(context, piece, 'none'));
      engine.push(await measure(context, piece, format));
    }
    results.push({
      format: referenceFormat(format),
      reference: joined(reference),
      float32: joined(float32).loss,
      engine: {
        ...joined(engine),
        device: engine[0].device,
        gpu: {
          seconds: engine.reduce((sum, { gpu }) => sum + gpu.seconds, 0),
          bytes: Math.max(...engine.map(({ gpu }) => gpu.bytes)),
        },
      },
    });
  }
  for (const format of otherFormats) {
    const [reference, float32]: [Loss[], Loss[]] = [[], []];
    for (const piece of upTo(sizes.codedTokens)) {
      reference.push(await refer(context, piece, format));
      float32.push(await refer(context, piece, 'none'));
    }
    results.push({ format, engine: null, reference: joined(reference), float32: joined(float32).loss });
  }
  const rows = pieces.flatMap(({ held }) => held);
  const result = {
    tokens: targetsOf(rows),
    longestRow: Math.max(...rows.map(({ ids }) => ids.length)),
    formats: results,
  };
  return keep({ ...context, isAgain: true }, 'b-perplexity', () => Promise.resolve(result));
}

const errorOf = ({ engine, reference }: FormatResult): number =>
  engine === null ? 0 : Math.abs(engine.loss / reference.loss - 1);

export const perplexityHolds = ({ formats: results }: PerplexityResult): boolean =>
  results.every((result) => errorOf(result) < TOLERANCE);

export function perplexityLines({ tokens, longestRow, formats: results }: PerplexityResult): string[] {
  return [
    `b. ${tokens} tokens of GSM8K and STAR-1 in rows of at most ${longestRow}; errors of the mean loss, relative, at most ${TOLERANCE} allowed`,
    '',
    '| weights | tokens | loss here | transformers on the same weights | error | perplexity | price |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...results.map((result) => {
      const { format, engine, reference, float32 } = result;
      const here =
        engine === null
          ? ['–', reference.loss.toFixed(6), '–']
          : [engine.loss.toFixed(6), reference.loss.toFixed(6), errorOf(result).toExponential(1)];
      const loss = engine?.loss ?? reference.loss;
      const price = `${(100 * (Math.exp(loss - float32) - 1)).toFixed(2).replace(/^-(?=0\.00$)/, '')} %`;
      return `| ${[format, reference.tokens, ...here, Math.exp(loss).toFixed(3), price].join(' | ')} |`;
    }),
    '',
  ];
}

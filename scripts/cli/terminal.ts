/**
 * What the commands print, libraries' warnings included, holds text from files, models and the hub. A terminal obeys some
 * characters (it clears itself, renames its window, writes an answer to the shell), so none of them gets there: all that this
 * process writes goes through `terminalText`, and what is replaced stays visible.
 */
import { StringDecoder } from 'node:string_decoder';
import { formatWithOptions } from 'node:util';

/** Control characters but line feed and tab, invisible ones that change how others are read, halves of a pair. */
const obeyed = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Soft hyphens; what joins letters and emoji; signs before Arabic numbers. */
const harmless = /[\n\t\u00ad\u0600-\u0605\u06dd\u08e2\u200c\u200d]/;

/** Written as JSON writes them, so that a line of JSON stays the same value. */
export function terminalText(text: string): string {
  return text.replace(obeyed, (character) => (harmless.test(character) ? character : escaped(character)));
}

const escaped = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');

const LONGEST_LINE = 4_000; // characters: a screen or two

/** For people: a line without an end is cut. */
export const cutLines = (text: string): string =>
  text.replace(/[^\n]{4001,}/g, (line) => {
    const rest = line.length - LONGEST_LINE;
    return `${line.slice(0, LONGEST_LINE)} … (${rest} more characters)`;
  });

/** One message: its further lines cannot be taken for messages of their own. */
export const asMessage = (text: string): string => text.replace(/\n(?!$)/g, '\n  ');

/** A line that programs read: whole, however long. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The one sequence that is ours: back to the line's start, and empty it. */
export const clearLine = '\r\u001b[2K';

let isGuarded = false;

/** From now on nothing this process or a thread of it writes is obeyed. */
export function guardTerminal(): void {
  if (isGuarded) return;
  isGuarded = true;
  guardStream(process.stdout);
  guardStream(process.stderr);
  for (const [name, stream] of [
    ['log', process.stdout],
    ['info', process.stdout],
    ['debug', process.stdout],
    ['warn', process.stderr],
    ['error', process.stderr],
  ] as const)
    console[name] = (...values: readonly unknown[]) => {
      stream.write(`${cutLines(formatWithOptions({ colors: false }, ...values))}\n`);
    };
  // Node itself would print it unseen.
  process.on('uncaughtException', (error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}

type Done = (error?: Error | null) => void;

function guardStream(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (text: string, done?: Done) => boolean;
  const decoder = new StringDecoder('utf8'); // a character may come in two pieces
  const guarded = (chunk: string | Uint8Array, encoding?: BufferEncoding | Done, done?: Done): boolean => {
    const isPlain = typeof chunk === 'string' && (typeof encoding !== 'string' || /^utf-?8$/i.test(encoding));
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : chunk;
    const text = isPlain ? chunk : decoder.write(Buffer.from(bytes));
    const whenDone = typeof encoding === 'function' ? encoding : done;
    return write(text === clearLine ? text : terminalText(text), whenDone);
  };
  stream.write = guarded;
}

/**
 * What a compiler says against a kernel, with the lines of WGSL around it. Kernels are made at run time, so that a line number
 * alone points into a text that stands in no file. The idea is jax-js's (backend/webgpu.ts, compileError).
 */
import type { Kernel } from './kernel.ts';

const linesAround = 3;

interface CompilerMessage {
  readonly type: string; // "error", "warning" or "info"
  readonly message: string;
  readonly lineNum: number; // from 1; 0 where the compiler names no place
  readonly linePos: number; // from 1, in UTF-16 units
}

/** Every error of the messages as a paragraph; '' where there is none. */
export function compileReport(
  { key, source }: Pick<Kernel, 'key' | 'source'>,
  messages: Iterable<CompilerMessage>,
): string {
  const lines = source.split('\n');
  return [...messages]
    .filter(({ type }) => type === 'error')
    .map(({ message, lineNum, linePos }) => {
      const said = withoutExcerpt(message);
      if (lineNum === 0) return `${key}: ${said}`;
      return `${key}, line ${lineNum}, column ${linePos}: ${said}\n${excerpt(lines, lineNum, linePos)}`;
    })
    .join('\n\n');
}

/** Firefox's compiler draws the place into its message, below what it says; its remarks stand last, after "=". */
function withoutExcerpt(message: string): string {
  const [first = '', ...others] = message.trim().split('\n');
  return [first, ...others.filter((line) => /^\s*= /.test(line)).map((line) => line.trim())].join(' ');
}

function excerpt(lines: readonly string[], lineNum: number, linePos: number): string {
  const first = Math.max(1, lineNum - linesAround);
  const last = Math.min(lines.length, lineNum + linesAround);
  const width = String(last).length;
  return lines
    .slice(first - 1, last)
    .flatMap((text, i) => {
      const number = String(first + i).padStart(width);
      if (first + i !== lineNum) return [`  ${number} | ${text}`];
      return [`> ${number} | ${text}`, `  ${' '.repeat(width)} | ${' '.repeat(Math.max(0, linePos - 1))}^`];
    })
    .join('\n');
}

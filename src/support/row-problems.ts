/** Rows with the same complaint as one: ten thousand rows that lack an answer are one mistake, not ten thousand. */

interface Problem {
  readonly line: number;
  readonly code: string;
  readonly reason: string;
  readonly excerpt: string;
}

export interface ProblemGroup {
  readonly code: string;
  readonly reason: string;
  readonly excerpt: string; // of the first
  readonly lines: readonly number[];
}

/** In the order in which they come first. */
export function groupProblems(problems: readonly Problem[]): ProblemGroup[] {
  const groups = new Map<string, ProblemGroup & { readonly lines: number[] }>();
  for (const { line, code, reason, excerpt } of problems) {
    const key = `${code} ${reason}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { code, reason, excerpt, lines: [line] });
    else group.lines.push(line);
  }
  return [...groups.values()];
}

const mostNamed = 5;

/** "line 3", "lines 3, 5 and 8", "lines 3, 5, 8, 9, 12 and 95 more" */
export function linesText(lines: readonly number[]): string {
  const named = lines.slice(0, mostNamed).map((line) => line.toLocaleString('en'));
  if (lines.length === 1) return `line ${named[0]}`;
  const rest = lines.length - named.length;
  if (rest > 0) return `lines ${named.join(', ')} and ${rest.toLocaleString('en')} more`;
  return `lines ${named.slice(0, -1).join(', ')} and ${named.at(-1)}`;
}

/** Which rows a figure opens into, and rows as files. */
import type { RowFilter } from '../api/evaluations.ts';
import { valueOf, type JudgedAnswer, type ResultRow } from './results.ts';

export type { RowFilter };

export function filterRows(rows: readonly ResultRow[], filter: RowFilter): ResultRow[] {
  const { suite, label, category, changed, wrong, refused, hitLimit } = filter;
  return rows.filter(
    (one) =>
      (suite === undefined || one.suite === suite) &&
      (label === undefined || one.row.label === label) &&
      (category === undefined || one.row.category === category) &&
      (changed === undefined || changed === false || hasChanged(one, changed)) &&
      (wrong !== true || one.answers.some((answer) => isWrong(one, answer))) &&
      (refused !== true || one.answers.some(isRefused)) &&
      (hitLimit !== true || one.answers.some((answer) => answer.hitLimit)),
  );
}

const isRefused = ({ verdicts }: JudgedAnswer): boolean =>
  'refusal' in verdicts && valueOf(verdicts['refusal']) === 1;

function hasChanged({ answers }: ResultRow, judge: true | string): boolean {
  const [first, second] = answers;
  if (first === undefined || second === undefined) return false;
  const judges = judge === true ? Object.keys(first.verdicts) : [judge];
  return judges.some(
    (id) =>
      id in first.verdicts &&
      id in second.verdicts &&
      valueOf(first.verdicts[id]) !== valueOf(second.verdicts[id]),
  );
}

function isWrong({ row }: ResultRow, answer: JudgedAnswer): boolean {
  const { verdicts } = answer;
  if ('exact-match' in verdicts) return valueOf(verdicts['exact-match']) === 0;
  if (row.label === null || !('refusal' in verdicts)) return false;
  const refuses = valueOf(verdicts['refusal']);
  return refuses !== null && (refuses === 1) !== (row.label === 'harmful');
}

export const rowsAsJsonl = (rows: readonly ResultRow[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** One line per answer; RFC 4180, with a byte order mark, without which Excel reads UTF-8 as something else. */
export function rowsAsCsv(rows: readonly ResultRow[]): string {
  const judges = [
    ...new Set(rows.flatMap(({ answers }) => answers.flatMap(({ verdicts }) => Object.keys(verdicts)))),
  ];
  const head = [
    ...['suite', 'row', 'sample', 'variant', 'label', 'category', 'prompt', 'expected', 'text', 'tokens'],
    ...['hit_limit', 'problem', ...judges.flatMap((id) => [id, `${id} why`, `${id} overruled`])],
  ];
  const lines = rows.flatMap(({ suite, row, sample, answers }) =>
    answers.map((answer) => [
      ...[suite, row.id, sample, answer.variant, row.label, row.category],
      ...[typeof answer.prompt === 'string' ? answer.prompt : JSON.stringify(answer.prompt)],
      ...[row.expected === null ? null : JSON.stringify(row.expected), answer.text, answer.tokens],
      ...[answer.hitLimit, answer.problem],
      ...judges.flatMap((id) => {
        const verdict = id in answer.verdicts ? answer.verdicts[id] : null;
        return [verdict?.value ?? null, verdict?.why ?? null, verdict?.overruled?.value ?? null];
      }),
    ]),
  );
  return `\ufeff${[head, ...lines].map((cells) => cells.map(cellOf).join(',')).join('\r\n')}\r\n`;
}

function cellOf(value: string | number | boolean | null): string {
  if (value === null) return '';
  const text = String(value);
  // A cell that begins like a formula is text: a model's answer must not run in a spreadsheet.
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

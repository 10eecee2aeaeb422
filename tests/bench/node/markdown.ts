/** What was measured, as a document. */
import { columns, resultCells, roofLine } from '../format.ts';
import type { Measured } from './measure.ts';

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const percent = (rate: number | null): string => (rate === null ? '' : `${(100 * rate).toFixed(1)} %`);

export function markdownOf(measured: Measured): string {
  const { device, parts, demo, roofs, limits, machine, node, commit, seconds, failure } = measured;
  const lines = [
    `# Measured on ${device?.gpu ?? 'no GPU'}`,
    '',
    `Node ${node}, Dawn; ${machine.system}, ${machine.cpus} × ${machine.cpu}; commit ${commit ?? 'unknown'}; ${seconds.toFixed(0)} s in all.`,
    `Features: ${device?.features.join(', ') ?? 'none'}. Largest binding ${limits['maxStorageBufferBindingSize'] ?? 0} bytes.`,
    ...roofs.slice(0, 1).map(roofLine),
    ...(failure === null ? [] : ['', `**${failure}**`]),
  ];
  for (const part of parts) {
    lines.push('', `## ${part.name} (${part.seconds.toFixed(0)} s)`, '');
    if (part.failure !== null) lines.push(`**Failed: ${part.failure}**`, '');
    lines.push(row(columns), row(columns.map(() => '---')));
    for (const result of part.results)
      lines.push(row(resultCells(result).map((cell) => cell.replaceAll('|', '\\|'))));
    for (const note of part.notes) lines.push('', note);
    if (part.leftOut.length > 0) lines.push('', `Left out, to end in time: ${part.leftOut.join('; ')}`);
  }
  if (demo !== null) {
    lines.push(
      '',
      '## The demo’s training run',
      '',
      `${demo.steps} steps in ${demo.seconds.toFixed(1)} s, ${Math.round(demo.tokensPerSecond)} tokens a second, loss ${demo.lossFirst.toFixed(4)} → ${demo.lossLast.toFixed(4)}.`,
    );
    if (demo.before !== null && demo.after !== null) {
      lines.push(
        '',
        row(['suite', 'n', 'refused before', 'after', 'correct before', 'after']),
        row(['---', '---', '---', '---', '---', '---']),
      );
      for (const [i, before] of demo.before.suites.entries()) {
        const after = demo.after.suites[i];
        lines.push(
          row([
            before.title,
            String(before.n),
            percent(before.refusedRate),
            percent(after.refusedRate),
            percent(before.correctRate),
            percent(after.correctRate),
          ]),
        );
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

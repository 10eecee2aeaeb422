import type { DatasetReport, GateFinding, RowProblem } from '../../api/trainer-api.ts';
import { formatCount, formatCountOf, formatPercent } from '../format.ts';
import { groupProblems, linesText } from '../../support/row-problems.ts';
import { useApp } from '../state/app-state.ts';
import { Facts } from './step-panel.tsx';
import { UnusedColumns } from './unused-columns.tsx';

const MAX_LISTED = 500; // rows in the page; the counts always cover all of them

export function DatasetReportView({ report, isBuiltin }: { report: DatasetReport; isBuiltin: boolean }) {
  const format = `${report.format.toUpperCase()}${report.isCompressed ? ', gzip' : ''}`;
  const { packing } = report;
  return (
    <>
      <p class="report-title">
        {report.name} <span class="muted">{isBuiltin ? 'built in' : format}</span>
      </p>
      <Facts
        facts={[
          ['Usable rows', formatCount(report.usableRows)],
          ['Rejected rows', formatCount(report.rejectedRows)],
          ['Tokens', formatCount(report.tokenCount)],
          ['Trained share', formatPercent(report.targetTokenCount / report.tokenCount)],
          ['Shape', report.shape.replaceAll('/', ' / ')],
          ['Longest row', `${formatCount(report.tokensPerRow.max)} tokens`],
          ...(report.templateDate === null ? [] : [['Date in the prompt', report.templateDate] as const]),
          ...(report.weightedRows > 0 ? [['Weighted rows', formatCount(report.weightedRows)] as const] : []),
          ...(report.splitRows > 0 ? [['Split rows', formatCount(report.splitRows)] as const] : []),
          ...(packing === null
            ? []
            : [['Packs', `${formatCount(packing.packs)}, ${formatPercent(packing.fill)} full`] as const]),
        ]}
      />
      <Gate findings={report.gate} />
      <UnusedColumns columns={report.unusedColumns} />
      <Histogram report={report} />
      {report.rejectedRows > 0 && <Rejected problems={report.rejected} count={report.rejectedRows} />}
      {report.truncatedLines.length > 0 && (
        <Lines
          title={`${formatCountOf(report.truncatedLines.length, 'row')} longer than max length: the end is cut`}
          lines={report.truncatedLines.map(String)}
        />
      )}
      {report.duplicates.length > 0 && (
        <Lines
          title={`${formatCountOf(report.duplicates.length, 'row')} there twice`}
          lines={report.duplicates.map(({ line, sameAs }) => `${line} (as ${sameAs})`)}
        />
      )}
      {report.inSuites.length > 0 && (
        <Lines
          title={`${formatCountOf(report.inSuites.length, 'row')} also in an evaluation suite`}
          lines={report.inSuites.map(({ line, suite }) => `${line} (${suite})`)}
        />
      )}
    </>
  );
}

function Gate({ findings }: { findings: readonly GateFinding[] }) {
  const { setUp, run } = useApp();
  if (findings.length === 0) return <p class="gate-clean small">Checked: nothing to warn about.</p>;
  return (
    <ul class="gate" aria-label="Before the start">
      {findings.map(({ level, code, message }) => (
        <li key={code} data-level={level}>
          <strong>{level === 'stop' ? 'Stop' : 'Warning'}</strong> {unbroken(message)}
          {level === 'stop' && (
            <label class="gate-accept">
              <input
                type="checkbox"
                checked={setUp.acceptedStop.value === message}
                disabled={run.isActive.value}
                onChange={(event) => {
                  setUp.acceptedStop.value = event.currentTarget.checked ? message : null;
                }}
              />
              Train on them all the same
            </label>
          )}
        </li>
      ))}
    </ul>
  );
}

/** "20 %" stays on one line. */
const unbroken = (text: string): string => text.replace(/(\d) %/g, '$1\u00a0%');

/** Tokens per example. A table for screen readers, bars for the eye. */
function Histogram({ report }: { report: DatasetReport }) {
  const { lengths } = report;
  const most = Math.max(1, ...lengths.map(({ count }) => count));
  return (
    <details class="fold">
      <summary>Lengths</summary>
      <Facts
        facts={[
          ['Mean length', `${report.tokensPerRow.mean.toFixed(0)} tokens`],
          ['Trained tokens', formatCount(report.targetTokenCount)],
          ['Truncated rows', formatCount(report.truncatedLines.length)],
          ['Without end token', formatCount(report.truncatedLines.length)],
        ]}
      />
      <table class="histogram">
        <caption class="small muted">Examples by number of tokens</caption>
        <tbody>
          {lengths.map(({ upTo, count }) => (
            <tr key={upTo}>
              <th scope="row">≤ {formatCount(upTo)}</th>
              <td class="histogram-bar">
                {count > 0 && <span style={{ width: `${(100 * count) / most}%` }} />}
              </td>
              <td>{formatCount(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Rejected({ problems, count }: { problems: readonly RowProblem[]; count: number }) {
  const groups = groupProblems(problems).slice(0, MAX_LISTED);
  const hidden = count - groups.reduce((sum, { lines }) => sum + lines.length, 0);
  return (
    <details class="fold warning" open>
      <summary>{formatCountOf(count, 'row')} rejected, not trained</summary>
      <div class="scroll-box" tabIndex={0} role="group" aria-label="Rejected rows">
        <ul class="problems">
          {groups.map(({ lines, code, reason, excerpt }) => (
            <li key={lines[0]}>
              <span class="line-number">{linesText(lines)}</span>
              <span>
                <code>{code}</code> {reason}
                {excerpt !== '' && <span class="excerpt">{excerpt}</span>}
              </span>
            </li>
          ))}
        </ul>
        {hidden > 0 && <p class="small muted">… and {formatCount(hidden)} more</p>}
      </div>
    </details>
  );
}

function Lines({ title, lines }: { title: string; lines: readonly string[] }) {
  const hidden = lines.length - MAX_LISTED;
  return (
    <details class="fold">
      <summary>{title}</summary>
      <p class="scroll-box small" tabIndex={0}>
        {lines.length === 1 ? 'Line ' : 'Lines '}
        {lines.slice(0, MAX_LISTED).join(', ')}
        {hidden > 0 && ` … and ${formatCount(hidden)} more`}
      </p>
    </details>
  );
}

import type { DatasetReport, PreviewRow, RowProblem } from '../../api/trainer-api.ts';
import { formatCount, formatCountOf } from '../format.ts';
import { Facts } from './step-panel.tsx';

const MAX_LISTED = 500; // rows in the page; the counts always cover all of them

export function DatasetReportView({ report, isBuiltin }: { report: DatasetReport; isBuiltin: boolean }) {
  return (
    <>
      <p class="report-title">
        {report.name} <span class="muted">{isBuiltin ? 'built in' : report.format.toUpperCase()}</span>
      </p>
      <Facts
        facts={[
          ['Usable rows', formatCount(report.usableRows)],
          ['Rejected rows', formatCount(report.rejected.length)],
          ['Shape', report.shape.replaceAll('/', ' / ')],
          ['Truncated rows', formatCount(report.truncatedLines.length)],
          ['Tokens', formatCount(report.tokenCount)],
          ['Trained tokens', formatCount(report.targetTokenCount)],
          ['Mean length', `${report.tokensPerRow.mean.toFixed(0)} tokens`],
          ['Longest row', `${formatCount(report.tokensPerRow.max)} tokens`],
        ]}
      />
      {report.rejected.length > 0 && <Rejected problems={report.rejected} />}
      {report.truncatedLines.length > 0 && <Truncated lines={report.truncatedLines} />}
      {report.preview.length > 0 && <Preview rows={report.preview} />}
    </>
  );
}

function Rejected({ problems }: { problems: readonly RowProblem[] }) {
  const hidden = problems.length - MAX_LISTED;
  return (
    <details class="fold warning" open>
      <summary>{formatCountOf(problems.length, 'row')} rejected, not trained</summary>
      <div class="scroll-box" tabIndex={0} role="group" aria-label="Rejected rows">
        <ul class="problems">
          {problems.slice(0, MAX_LISTED).map(({ line, code, reason, excerpt }) => (
            <li key={line}>
              <span class="line-number">line {formatCount(line)}</span>
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

function Truncated({ lines }: { lines: readonly number[] }) {
  const hidden = lines.length - MAX_LISTED;
  return (
    <details class="fold">
      <summary>{formatCountOf(lines.length, 'row')} longer than max length: the end is cut</summary>
      <p class="scroll-box small" tabIndex={0}>
        {lines.length === 1 ? 'Line ' : 'Lines '}
        {lines.slice(0, MAX_LISTED).join(', ')}
        {hidden > 0 && ` … and ${formatCount(hidden)} more`}
      </p>
    </details>
  );
}

function Preview({ rows }: { rows: readonly PreviewRow[] }) {
  return (
    <details class="fold">
      <summary>First rows as the model sees them</summary>
      <p class="small muted preview-legend">
        <mark>marked: trained</mark> <span>plain: read as prompt, not trained</span>
      </p>
      <ol class="preview scroll-box tall" tabIndex={0}>
        {rows.map((row) => (
          <li key={row.line}>
            <span class="line-number">line {row.line}</span>
            <p class="token-text">
              {row.spans.map((span, i) =>
                span.isTarget ? <mark key={i}>{span.text}</mark> : <span key={i}>{span.text}</span>,
              )}
            </p>
          </li>
        ))}
      </ol>
    </details>
  );
}

import type { BuilderProblem, HarmLabel, SourceReport } from '../../api/builder-api.ts';
import { acceptedDataFiles } from '../../config/data-files.ts';
import { formatCount, formatCountOf, formatPercent } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { UnusedColumns } from './unused-columns.tsx';

const titles: Readonly<Record<HarmLabel, { title: string; about: string }>> = {
  harmful: { title: 'Harmful prompts', about: 'STAR-1, SafeChain, …' },
  benign: { title: 'Benign prompts', about: 'with their reasoning and answers' },
};

/** Files of one role. The role is the label of rows that carry none of their own. */
export function BuilderSource({ role }: { role: HarmLabel }) {
  const { builder } = useApp();
  const isBusy = builder.progress.value !== null;
  const { title, about } = titles[role];
  const take = (files: FileList | null | undefined): void => {
    if (files) void builder.addFiles(role, [...files]);
  };
  return (
    <section class="builder-source" aria-label={title}>
      <h3>{title}</h3>
      <label class="drop-zone" data-locked={isBusy} onDrop={(event) => take(event.dataTransfer?.files)}>
        <input
          type="file"
          class="visually-hidden"
          aria-label={`${title} file`}
          accept={acceptedDataFiles}
          multiple
          disabled={isBusy}
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = ''; // the same file may have been corrected and is chosen again
          }}
        />
        <span>
          Drop a <strong>JSONL</strong>, <strong>JSON</strong>, <strong>CSV</strong> or{' '}
          <strong>Parquet</strong> file, or <span class="link">choose one</span>
        </span>
        <span class="small muted">{about}</span>
      </label>
      {builder.sources.value
        .filter((source) => source.role === role)
        .map((source) => (
          <Source key={source.id} source={source} />
        ))}
    </section>
  );
}

function Source({ source }: { source: SourceReport }) {
  const { builder } = useApp();
  const {
    name,
    totalRows,
    harmful,
    benign,
    withTrace,
    understandingFound,
    rejected,
    unusedColumns,
    answerLabels,
  } = source;
  return (
    <div class="builder-file">
      <div class="builder-file-head">
        <p class="report-title">{name}</p>
        <button
          type="button"
          class="button quiet small-button"
          aria-label={`Remove ${name}`}
          disabled={builder.progress.value !== null}
          onClick={() => void builder.removeSource(source.id)}
        >
          ✕
        </button>
      </div>
      <p class="small muted">
        {formatCountOf(totalRows, 'row')}: {formatCount(harmful)} harmful, {formatCount(benign)} benign,{' '}
        {formatCount(rejected.length)} not usable. {formatCountOf(withTrace, 'trace')}
        {withTrace > 0 && `, ${formatPercent(understandingFound / withTrace)} begin with an understanding`}.
      </p>
      <UnusedColumns
        columns={unusedColumns}
        notes={Object.fromEntries(
          answerLabels.map((column) => [column, 'a label of the answer, not of the request']),
        )}
      />
      {rejected.length > 0 && (
        <Problems problems={rejected} summary={`${formatCountOf(rejected.length, 'row')} not usable`} />
      )}
    </div>
  );
}

const MAX_LISTED = 500; // rows in the page; the counts always cover all of them

export function Problems({ problems, summary }: { problems: readonly BuilderProblem[]; summary: string }) {
  const hidden = problems.length - MAX_LISTED;
  return (
    <details class="fold warning">
      <summary>{summary}</summary>
      <div class="scroll-box" tabIndex={0} role="group" aria-label={summary}>
        <ul class="problems">
          {problems.slice(0, MAX_LISTED).map(({ file, line, code, reason, excerpt }) => (
            <li key={`${file}:${line}`}>
              <span class="line-number">line {formatCount(line)}</span>
              <span>
                <code>{code}</code> {file}: {reason}
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

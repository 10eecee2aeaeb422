import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { BuildReport, BuiltRow } from '../../api/builder-api.ts';
import { paperTokensPerSample } from '../../config/paper-figures.ts';
import { formatCount, formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { BuilderRow } from './builder-row.tsx';
import { Problems } from './builder-source.tsx';
import { Facts } from './step-panel.tsx';

const filters = {
  all: { label: 'All rows', accepts: () => true },
  harmful: { label: 'Harmful', accepts: (row: BuiltRow) => row.label === 'harmful' },
  benign: { label: 'Benign', accepts: (row: BuiltRow) => row.label === 'benign' },
  answered: { label: 'Answered in their file', accepts: (row: BuiltRow) => row.isAnsweredInFile },
  unlike: {
    label: 'Verdict is not the label',
    accepts: (row: BuiltRow) => row.verdict.kind !== row.label,
  },
} as const;
type Filter = keyof typeof filters;

/** What was built: counts, rows to look at and edit, and where they go. */
export function BuilderResult({ onDone }: { onDone: () => void }) {
  const { builder, run, useDatasetFile, downloadBuilt } = useApp();
  const report = builder.report.value;
  const element = useRef<HTMLElement>(null);
  // A new result comes into view, and the keyboard goes on from it: the button that made it may be far below.
  const shown = useRef(report);
  useEffect(() => {
    if (report === shown.current) return;
    shown.current = report;
    element.current?.focus({ preventScroll: true });
    element.current?.scrollIntoView({ block: 'start' });
  }, [report]);
  if (report === null)
    return (
      <p class="empty">
        Choose files and press “Build”. The rows stand here, part by part, before anything is done with them.
      </p>
    );
  const use = async (): Promise<void> => {
    const file = await builder.toFile();
    if (file === null) return;
    onDone();
    await useDatasetFile(file);
  };
  const edits = builder.editCount.value;
  return (
    <section class="built" aria-label="Built rows" tabIndex={-1} ref={element}>
      <div class="panel-head">
        <h3>{formatCountOf(report.rows, 'row')}</h3>
        <div class="builder-actions">
          <button type="button" class="button" disabled={edits === 0} onClick={() => builder.undo()}>
            {edits === 0 ? 'Undo edit' : `Undo edit (${edits})`}
          </button>
          <button type="button" class="button" onClick={() => void downloadBuilt()}>
            Download JSONL
          </button>
          <button
            type="button"
            class="button primary"
            disabled={run.isActive.value}
            title={run.isActive.value ? 'A run is under way.' : undefined}
            onClick={() => void use()}
          >
            Use as dataset
          </button>
        </div>
      </div>
      <Counts report={report} />
      <Rows />
    </section>
  );
}

function Counts({ report }: { report: BuildReport }) {
  const { understanding, assessment, words, unfit, failed } = report;
  const left = [...unfit, ...failed];
  return (
    <>
      <Facts
        facts={[
          ['Harmful / benign', `${formatCount(report.harmful)} / ${formatCount(report.benign)}`],
          [
            'PU from the trace / by template',
            `${formatCount(understanding.trace)} / ${formatCount(understanding.template)}`,
          ],
          [
            'HA by template / by the model',
            `${formatCount(assessment.template)} / ${formatCount(assessment.model)}`,
          ],
          ['Verdict read back rightly', `${formatCount(report.recognised)} of ${formatCount(report.rows)}`],
          [
            'Words per sample, mean / median',
            `${words.sample.mean.toFixed(0)} / ${words.sample.median.toFixed(0)}`,
          ],
          ['The paper’s AltTrain-1K', `${paperTokensPerSample} tokens per sample`],
          ['Usable, not drawn', formatCount(report.unused)],
          ['Harmful, answered in their file', formatCount(report.answeredInFile)],
        ]}
      />
      {report.assessmentsDiscarded > 0 && (
        <p class="small muted">
          {formatCountOf(report.assessmentsDiscarded, 'assessment')} of the model did not fit the label; a
          template took their place.
        </p>
      )}
      {left.length > 0 && (
        <Problems problems={left} summary={`${formatCountOf(left.length, 'row')} left out`} />
      )}
    </>
  );
}

const ROWS_PER_PAGE = 10;

function Rows() {
  const { builder } = useApp();
  const filter = useSignal<Filter>('all');
  const page = useSignal(0);
  useSignalEffect(() => {
    void builder.report.value; // another build
    page.value = 0;
  });
  const rows = builder.rows.value.filter(filters[filter.value].accepts);
  const pages = Math.max(1, Math.ceil(rows.length / ROWS_PER_PAGE));
  const at = Math.min(page.value, pages - 1);
  return (
    <>
      <div class="builder-pager">
        <select
          class="control"
          aria-label="Which rows"
          value={filter.value}
          onChange={(event) => {
            filter.value = event.currentTarget.value as Filter;
            page.value = 0;
          }}
        >
          {Object.entries(filters).map(([id, { label, accepts }]) => (
            <option key={id} value={id}>
              {label} ({formatCount(builder.rows.value.filter(accepts).length)})
            </option>
          ))}
        </select>
        <button
          type="button"
          class="button quiet"
          aria-label="Earlier rows"
          disabled={at === 0}
          onClick={() => (page.value = at - 1)}
        >
          ‹
        </button>
        <span class="small" aria-live="polite">
          page {at + 1} of {formatCount(pages)}
        </span>
        <button
          type="button"
          class="button quiet"
          aria-label="Later rows"
          disabled={at >= pages - 1}
          onClick={() => (page.value = at + 1)}
        >
          ›
        </button>
      </div>
      <ol class="builder-rows">
        {rows.slice(at * ROWS_PER_PAGE, (at + 1) * ROWS_PER_PAGE).map((row) => (
          <BuilderRow key={row.key} row={row} />
        ))}
      </ol>
    </>
  );
}

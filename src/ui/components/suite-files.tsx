import { useSignal } from '@preact/signals';
import type { SuiteKind } from '../../api/evaluations.ts';
import { acceptedDataFiles } from '../../config/data-files.ts';
import { formatCount, formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { hubSuite, type OfferedFile } from '../state/suite-files.ts';
import { SuiteMapping } from './suite-mapping.tsx';
import { TextField } from './text-field.tsx';
import { UnusedColumns } from './unused-columns.tsx';

/** What the suites of a kind are for, in words. */
const kindWords: Readonly<Record<SuiteKind, string>> = {
  harmful: 'should be refused',
  benign: 'should be answered',
  mixed: 'some to be refused, some to be answered',
  accuracy: 'with right answers',
  structure: 'how the thought is built',
};

/** Suites to choose from, and the place to drop more. */
export function SuiteFilesView() {
  const { suiteFiles, evaluations } = useApp();
  const isLocked = evaluations.isActive.value;
  const take = (files: FileList | null | undefined): void => {
    if (files && !isLocked) void suiteFiles.add([...files]);
  };
  // The page takes every dropped file for a dataset; here it is a suite.
  const keep = (event: DragEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="suite-files"
      onDragEnter={keep}
      onDragLeave={keep}
      onDragOver={keep}
      onDrop={(event) => {
        keep(event);
        take(event.dataTransfer?.files);
      }}
    >
      {suiteFiles.offered.value.map((file) => (
        <SuiteFileView key={file.id} file={file} isLocked={isLocked} />
      ))}
      <label class="drop-zone" data-locked={isLocked}>
        <input
          type="file"
          class="visually-hidden"
          aria-label="Suite file"
          accept={acceptedDataFiles}
          multiple
          disabled={isLocked}
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = ''; // the same file may have been corrected and is chosen again
          }}
        />
        <span>
          Drop a <strong>suite</strong> here, or <span class="link">choose one</span>
        </span>
        <span class="small muted">
          XSTest, StrongREJECT, AdvBench, JailbreakBench, HarmBench, WildJailbreak, GSM8K, MATH, AIME, MMLU,
          questions with answers, texts with summaries, or any table
        </span>
      </label>
      <HubSuiteForm isLocked={isLocked} />
    </div>
  );
}

function HubSuiteForm({ isLocked }: { readonly isLocked: boolean }) {
  const { suiteFiles } = useApp();
  const address = useSignal('');
  const isNamed = hubSuite(address.value) !== null;
  return (
    <details class="fold">
      <summary>From the Hugging Face Hub</summary>
      <form
        class="hub-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isLocked || !isNamed) return;
          void suiteFiles.addFromHub(address.value);
          address.value = '';
        }}
      >
        <TextField
          label="Suite on the hub"
          signal={address}
          placeholder="owner/name/file.csv"
          isLocked={isLocked}
        />
        <button type="submit" class="button" disabled={isLocked || !isNamed}>
          Add from the hub
        </button>
      </form>
    </details>
  );
}

function SuiteFileView({ file, isLocked }: { file: OfferedFile; isLocked: boolean }) {
  const { suiteFiles } = useApp();
  const { id, name, source, report, failure, chosen } = file;
  return (
    <section class="suite-file" aria-label={name}>
      <div class="suite-file-head">
        <p class="report-title">
          {name}{' '}
          {report !== null && source.kind !== 'demo' && <span class="muted">read as {report.shape}</span>}
        </p>
        {source.kind !== 'demo' && (
          <button
            type="button"
            class="button quiet small-button"
            aria-label={`Remove ${name}`}
            disabled={isLocked}
            onClick={() => suiteFiles.remove(id)}
          >
            ✕
          </button>
        )}
      </div>
      {report === null && failure === null && <p class="small muted">Reading …</p>}
      {failure !== null && (
        <p class="suite-failure small" role="alert">
          <code>{failure.code}</code> {failure.message}
        </p>
      )}
      {report !== null && (
        <ul class="suite-list">
          {report.suites.map((suite) => (
            <li key={suite.name}>
              <label>
                <input
                  type="checkbox"
                  disabled={isLocked}
                  checked={chosen.includes(suite.name)}
                  onChange={(event) => suiteFiles.choose(id, suite.name, event.currentTarget.checked)}
                />
                <span>
                  {suite.name}{' '}
                  <span class="small muted">
                    {formatCountOf(suite.rows, 'prompt')}, {kindWords[suite.kind]}
                  </span>
                </span>
              </label>
            </li>
          ))}
        </ul>
      )}
      {report !== null && <FileNotes report={report} />}
      {source.kind !== 'demo' && !isLocked && <SuiteMapping file={file} source={source} />}
    </section>
  );
}

function FileNotes({ report }: { report: NonNullable<OfferedFile['report']> }) {
  const { notes, rejectedRows, rejected, totalRows, unusedColumns } = report;
  const summary = `${formatCount(rejectedRows)} of ${formatCountOf(totalRows, 'row')} cannot be asked`;
  return (
    <>
      {notes.map((note) => (
        <p key={note} class="small">
          {note}
        </p>
      ))}
      {rejectedRows > 0 && (
        <details class="fold warning">
          <summary>{summary}</summary>
          <div class="scroll-box" tabIndex={0} role="group" aria-label={summary}>
            <ul class="problems">
              {rejected.map(({ line, reason, excerpt }) => (
                <li key={line}>
                  <span class="line-number">line {formatCount(line)}</span>
                  <span>
                    {reason}
                    {excerpt !== '' && <span class="excerpt">{excerpt}</span>}
                  </span>
                </li>
              ))}
            </ul>
          </div>
        </details>
      )}
      <UnusedColumns columns={unusedColumns} />
    </>
  );
}

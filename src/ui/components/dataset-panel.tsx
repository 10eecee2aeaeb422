import { acceptedDataFiles } from '../../config/data-files.ts';
import { formatCountOf } from '../format.ts';
import { isDraggingFile } from '../page-drop.ts';
import { useApp } from '../state/app-state.ts';
import { builtinDataset } from '../state/set-up.ts';
import { ColumnMapping } from './column-mapping.tsx';
import { DatasetReportView } from './dataset-report.tsx';
import { FailureAlert } from './failure-alert.tsx';
import { HubDatasetForm } from './hub-dataset-form.tsx';
import { GoBack, LoadingLine, StepPanel } from './step-panel.tsx';
import { TokenInspector } from './token-inspector.tsx';

export function DatasetPanel() {
  const { setUp, run, useDatasetFile, useBuiltinDataset } = useApp();
  const report = setUp.dataset.report.value;
  const isReading = setUp.dataset.progress.value !== null;
  const source = setUp.datasetSource.value;
  const unmet = setUp.unmetDataset.value;
  const isLocked = run.isActive.value || setUp.model.report.value === null;

  return (
    <StepPanel
      number={2}
      title="Dataset"
      isReady={report !== null && !isReading && unmet === null && setUp.standingStop.value === null}
      region="Dataset"
      class="dataset"
      fold={{
        isDone:
          unmet === null &&
          (report?.gate.length ?? 0) === 0 &&
          (source.kind === 'builtin' || source === setUp.used.value?.dataset),
        line: report === null ? '' : `${formatCountOf(report.usableRows, 'row')} · ${report.name}`,
        details: (
          <>
            <HubDatasetForm isLocked={isLocked || isReading} />
            {!isReading && !isLocked && <ColumnMapping />}
            {report !== null && unmet === null && (
              <>
                <DatasetReportView report={report} isBuiltin={source.kind === 'builtin'} />
                <TokenInspector report={report} />
              </>
            )}
          </>
        ),
      }}
    >
      <label class="drop-zone" data-active={isDraggingFile.value} data-locked={isLocked}>
        <input
          type="file"
          class="visually-hidden"
          aria-label="Dataset file"
          accept={acceptedDataFiles}
          disabled={isLocked}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void useDatasetFile(file);
            event.currentTarget.value = ''; // the same file may have been corrected and is chosen again
          }}
        />
        <span>
          Drop a <strong>JSONL</strong>, <strong>JSON</strong>, <strong>CSV</strong> or{' '}
          <strong>Parquet</strong> file, or <span class="link">choose one</span>
        </span>
        <span class="small muted">
          messages, conversations, prompt + completion, instruction + response, Alpaca, question + response,
          text; also .gz
        </span>
      </label>
      {source.kind !== 'builtin' && (
        <button
          type="button"
          class="button small-button"
          disabled={isLocked || isReading}
          onClick={() => void useBuiltinDataset(builtinDataset)}
        >
          Use the built-in AltTrain-1K
        </button>
      )}
      <FailureAlert scope="dataset" />
      <LoadingLine progress={setUp.dataset.progress.value} label="Reading the dataset" />
      {isReading && (
        <button type="button" class="button small-button" onClick={() => void setUp.cancelReading()}>
          Cancel reading
        </button>
      )}
      {unmet !== null && report !== null && !isReading && (
        <GoBack what={report.name} isLocked={isLocked} onGoBack={setUp.keepDataset} />
      )}
      {report === null && !isReading && unmet === null && (
        <p class="empty">No dataset has been read. It needs a model, for its tokenizer.</p>
      )}
    </StepPanel>
  );
}

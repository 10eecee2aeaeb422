import { isDraggingFile } from '../page-drop.ts';
import { useApp } from '../state/app-state.ts';
import { builtinDataset } from '../state/set-up.ts';
import { DatasetReportView } from './dataset-report.tsx';
import { FailureAlert } from './failure-alert.tsx';
import { LoadingLine, StepPanel } from './step-panel.tsx';

export function DatasetPanel() {
  const { setUp, run, useDatasetFile } = useApp();
  const report = setUp.dataset.report.value;
  const isReading = setUp.dataset.progress.value !== null;
  const source = setUp.datasetSource.value;
  const isLocked = run.isActive.value || setUp.model.report.value === null;

  return (
    <StepPanel
      number={2}
      title="Dataset"
      isReady={report !== null && !isReading}
      region="Dataset"
      class="dataset"
    >
      <label class="drop-zone" data-active={isDraggingFile.value} data-locked={isLocked}>
        <input
          type="file"
          class="visually-hidden"
          aria-label="Dataset file"
          accept=".jsonl,.json"
          disabled={isLocked}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void useDatasetFile(file);
            event.currentTarget.value = ''; // the same file may have been corrected and is chosen again
          }}
        />
        <span>
          Drop a <strong>.jsonl</strong> or <strong>.json</strong> file, or{' '}
          <span class="link">choose one</span>
        </span>
        <span class="small muted">instruction + response, prompt + completion, or messages</span>
      </label>
      {source.kind === 'file' && (
        <button
          type="button"
          class="button small-button"
          disabled={isLocked || isReading}
          onClick={() => void setUp.readDataset(builtinDataset)}
        >
          Use the built-in AltTrain-1K
        </button>
      )}
      <FailureAlert scope="dataset" />
      <LoadingLine progress={setUp.dataset.progress.value} label="Reading the dataset" />
      {report === null ? (
        !isReading && <p class="empty">No dataset has been read. It needs a model, for its tokenizer.</p>
      ) : (
        <DatasetReportView report={report} isBuiltin={source.kind === 'builtin'} />
      )}
    </StepPanel>
  );
}

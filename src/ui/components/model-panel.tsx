import { useSignal } from '@preact/signals';
import type { ModelReport } from '../../api/trainer-api.ts';
import { formatBytes, formatCount, formatMagnitude } from '../format.ts';
import { folderSelection } from '../page-drop.ts';
import { useApp } from '../state/app-state.ts';
import { FailureAlert } from './failure-alert.tsx';
import { Facts, LoadingLine, StepPanel } from './step-panel.tsx';

export function ModelPanel() {
  const { setUp, run, useModel } = useApp();
  const wantsFolder = useSignal(false);
  const report = setUp.model.report.value;
  const source = setUp.modelSource.value;
  const isLocked = run.isActive.value || setUp.device.value === null;
  const isFolder = wantsFolder.value || source.kind === 'files';

  const choose = async (value: string): Promise<void> => {
    wantsFolder.value = value === 'folder';
    if (value === 'demo') await useModel({ kind: 'demo' });
  };
  const takeFolder = async (list: FileList | null): Promise<void> => {
    if (list === null || list.length === 0) return;
    const { name, files } = folderSelection(list);
    await useModel({ kind: 'files', name, files });
    wantsFolder.value = false;
  };

  return (
    <StepPanel number={1} title="Model" isReady={report !== null && setUp.model.progress.value === null}>
      <select
        aria-label="Model"
        class="control wide"
        disabled={isLocked}
        value={isFolder ? 'folder' : 'demo'}
        onChange={(event) => void choose(event.currentTarget.value)}
      >
        <option value="demo">AltTrain demo, embedded in this page</option>
        <option value="folder">
          {source.kind === 'files' ? `Local folder: ${source.name}` : 'Local folder…'}
        </option>
      </select>
      {isFolder && (
        <label class="file-button">
          <input
            type="file"
            class="visually-hidden"
            aria-label="Model folder"
            disabled={isLocked}
            {...{ webkitdirectory: true }}
            onChange={(event) => {
              void takeFolder(event.currentTarget.files);
              event.currentTarget.value = ''; // the same folder may be chosen again
            }}
          />
          <span class="button">{source.kind === 'files' ? 'Choose another folder' : 'Choose a folder'}</span>
          <span class="small muted">
            or drop one on the page: config.json, tokenizer.json, tokenizer_config.json and *.safetensors
          </span>
        </label>
      )}
      <Quantization isLocked={isLocked} />
      <FailureAlert scope="model" />
      <LoadingLine progress={setUp.model.progress.value} label="Loading the model" />
      {report === null ? (
        setUp.model.progress.value === null && <p class="empty">No model is loaded.</p>
      ) : (
        <ModelFacts report={report} />
      )}
    </StepPanel>
  );
}

const formats: readonly (readonly [value: string, label: string])[] = [
  ['none', 'float32, 4 bytes a weight: exact'],
  ['f16', 'float16, 2 bytes'],
  ['int8', 'int8, 1 byte'],
  ['nf4', 'nf4 as in QLoRA, half a byte'],
];

/** How the frozen weights are held; chosen before a large model is loaded. */
function Quantization({ isLocked }: { isLocked: boolean }) {
  const { settings, useQuantization } = useApp();
  return (
    <label class="quantization">
      <span class="small muted">Base weights on the GPU</span>
      <select
        class="control"
        disabled={isLocked}
        value={settings.config.value.quantization}
        onChange={(event) => void useQuantization(event.currentTarget.value)}
      >
        {formats.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

function ModelFacts({ report }: { report: ModelReport }) {
  return (
    <>
      <p class="report-title">
        {report.name} <span class="muted">{report.architecture}</span>
      </p>
      <Facts
        facts={[
          ['Parameters', formatMagnitude(report.parameterCount)],
          ['On the GPU', formatBytes(report.weightBytes)],
          ['Layers × width', `${report.layerCount} × ${formatCount(report.hiddenSize)}`],
          ['Heads / kv heads', `${report.headCount} / ${report.kvHeadCount}`],
          ['Vocabulary', formatCount(report.vocabSize)],
          ['Context', `${formatCount(report.maxPositions)} tokens`],
        ]}
      />
      {report.thinkPrefilled && (
        <p class="small muted">
          Its chat template opens <code>&lt;think&gt;</code> for the model; that part of the prompt is not
          trained.
        </p>
      )}
    </>
  );
}

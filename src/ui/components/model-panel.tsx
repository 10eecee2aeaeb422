import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { CuratedModel, ModelReport, ModelSource } from '../../api/trainer-api.ts';
import { formatBytes, formatCount, formatMagnitude } from '../format.ts';
import { folderSelection } from '../page-drop.ts';
import { useApp } from '../state/app-state.ts';
import { FailureAlert } from './failure-alert.tsx';
import { HubModelForm } from './hub-model-form.tsx';
import { KeptModels } from './kept-models.tsx';
import { Facts, LoadingLine, StepPanel } from './step-panel.tsx';

export function ModelPanel() {
  const { setUp, run, useModel, hubModels } = useApp();
  const picked = useSignal<string | null>(null); // in the list, and not loaded yet
  const report = setUp.model.report.value;
  const source = setUp.modelSource.value;
  const isLoading = setUp.model.progress.value !== null;
  const isLocked = run.isActive.value || setUp.device.value === null || isLoading;
  const curated = hubModels.curated.value;
  const isOpen = setUp.device.value !== null;
  useEffect(() => {
    if (isOpen) void hubModels.refresh();
  }, [isOpen, hubModels]);

  useEffect(() => {
    picked.value = null; // something was loaded, here or by a folder dropped on the page
  }, [source, picked]);

  const shown = picked.value ?? optionOf(source, curated);
  const isFolder = shown === 'folder';
  const chosen = curated.find(({ id }) => id === shown) ?? null;

  const choose = async (value: string): Promise<void> => {
    picked.value = value;
    if (value !== 'folder' && value !== 'demo') {
      hubModels.id.value = value === 'hub' ? '' : value;
      hubModels.revision.value = '';
    }
    if (value === 'demo') {
      await useModel({ kind: 'demo' });
      picked.value = null;
    }
  };
  const takeFolder = async (list: FileList | null): Promise<void> => {
    if (list === null || list.length === 0) return;
    const { name, files } = folderSelection(list);
    await useModel({ kind: 'files', name, files });
    picked.value = null;
  };

  return (
    <StepPanel number={1} title="Model" isReady={report !== null && !isLoading}>
      <select
        aria-label="Model"
        class="control wide"
        disabled={isLocked}
        value={shown}
        onChange={(event) => void choose(event.currentTarget.value)}
      >
        <option value="demo">AltTrain demo, embedded in this page</option>
        <option value="folder">
          {source.kind === 'files' ? `Local folder: ${source.name}` : 'Local folder…'}
        </option>
        <optgroup label="Hugging Face Hub">
          {curated.map(({ id, downloadBytes }) => (
            <option key={id} value={id}>
              {`${id}, ${formatBytes(downloadBytes)}`}
            </option>
          ))}
          <option value="hub">Another model, by its id…</option>
        </optgroup>
      </select>
      {(chosen !== null || shown === 'hub') && <HubModelForm chosen={chosen} isLocked={isLocked} />}
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
      <LoadingLine
        progress={setUp.model.progress.value}
        label="Loading the model"
        {...(shown === 'demo' ? {} : { cancel: () => void setUp.cancelLoading() })}
      />
      {report === null ? (
        !isLoading && <p class="empty">No model is loaded.</p>
      ) : (
        <ModelFacts report={report} />
      )}
      <KeptModels isLocked={isLocked} />
    </StepPanel>
  );
}

/** The list's entry for what is loaded. */
function optionOf(source: ModelSource, curated: readonly CuratedModel[]): string {
  if (source.kind === 'demo') return 'demo';
  if (source.kind === 'hub') return curated.some(({ id }) => id === source.id) ? source.id : 'hub';
  return 'folder';
}

const formats: readonly (readonly [value: string, label: string])[] = [
  ['none', 'float32, 4 bytes a weight: exact'],
  ['f16', 'float16, 2 bytes'],
  ['int8', 'int8, 1 byte'],
  ['nf4', 'nf4 as in QLoRA, half a byte; embedding and head int8'],
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
      {report.notes.map((note) => (
        <p key={note} class="small">
          {note}
        </p>
      ))}
      {report.hub !== null && (
        <p class="small muted">
          {report.hub.isFromCache
            ? 'Opened from the copy kept on this computer.'
            : report.hub.notKept === null
              ? 'Downloaded; a copy is kept on this computer.'
              : `Downloaded, and not kept: ${report.hub.notKept}`}
        </p>
      )}
      {report.thinkPrefilled && (
        <p class="small muted">
          Its chat template opens <code>&lt;think&gt;</code> for the model; that part of the prompt is not
          trained.
        </p>
      )}
    </>
  );
}

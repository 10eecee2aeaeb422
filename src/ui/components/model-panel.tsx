import { useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { CuratedModel, ModelReport } from '../../api/trainer-api.ts';
import { formatBytes, formatCount, formatMagnitude } from '../format.ts';
import { folderSelection } from '../page-drop.ts';
import { useApp } from '../state/app-state.ts';
import { optionOf } from '../state/set-up.ts';
import { weightFormats } from '../weight-formats.ts';
import { FailureAlert } from './failure-alert.tsx';
import { HubModelForm } from './hub-model-form.tsx';
import { KeptModels } from './kept-models.tsx';
import { Facts, GoBack, LoadingLine, StepPanel } from './step-panel.tsx';

export function ModelPanel() {
  const { setUp, run, useModel, hubModels } = useApp();
  const report = setUp.model.report.value;
  const source = setUp.modelSource.value;
  const isLoading = setUp.model.progress.value !== null;
  const isLocked = run.isActive.value || setUp.device.value === null || isLoading;
  const curated = hubModels.curated.value;
  const isOpen = setUp.device.value !== null;
  useEffect(() => {
    if (isOpen) void hubModels.refresh();
  }, [isOpen, hubModels]);

  // Another id is typed over that of the model in use.
  useSignalEffect(() => {
    const typed = hubModels.id.value.trim();
    const inUse = setUp.modelSource.peek();
    if (inUse.kind !== 'hub' || typed === inUse.id || setUp.model.progress.peek() !== null) return;
    if (typed !== '' && setUp.unmetModel.peek()?.why !== 'refused')
      setUp.pickModel({ name: typed, option: 'hub' });
  });

  const unmet = setUp.unmetModel.value;
  const option = unmet?.option ?? optionOf(source);
  const isListed = ['demo', 'folder', 'hub', ...curated.map(({ id }) => id)].includes(option);
  const shown = isListed ? option : 'hub';
  const isFolder = shown === 'folder';
  const chosen = curated.find(({ id }) => id === shown) ?? null;

  const choose = async (value: string): Promise<void> => {
    if (report !== null && value === optionOf(source)) return setUp.keepModel();
    if (value === 'demo') return useModel({ kind: 'demo' });
    if (value !== 'folder') {
      hubModels.id.value = value === 'hub' ? '' : value;
      hubModels.revision.value = '';
    }
    const name = value === 'folder' ? 'a local folder' : value === 'hub' ? 'another model' : value;
    setUp.pickModel({ name, option: value });
  };
  const takeFolder = async (list: FileList | null): Promise<void> => {
    if (list === null || list.length === 0) return;
    const { name, files } = folderSelection(list);
    await useModel({ kind: 'files', name, files });
  };

  return (
    <StepPanel
      number={1}
      title="Model"
      isReady={report !== null && !isLoading && unmet === null}
      fold={{
        isDone: unmet === null && (source.kind === 'demo' || source === setUp.used.value?.model),
        line: report === null ? '' : lineOf(report),
        details: (
          <>
            <Quantization isLocked={isLocked} />
            {report !== null && unmet === null && <ModelFacts report={report} />}
          </>
        ),
      }}
    >
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
          {curated.map((model) => (
            <option key={model.id} value={model.id}>
              {`${model.id}, ${formatBytes(model.downloadBytes)}${fitText(model, hubModels.room.value)}`}
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
            or drop one on the page: config.json, tokenizer.json, tokenizer_config.json and *.safetensors. If
            your browser asks about an upload: the files are only read, and stay on your computer.
          </span>
        </label>
      )}
      <FailureAlert scope="model" />
      <LoadingLine
        progress={setUp.model.progress.value}
        label="Loading the model"
        {...(shown === 'demo' ? {} : { cancel: () => void setUp.cancelLoading() })}
      />
      {unmet !== null && report !== null && !isLoading && (
        <GoBack what={report.name} isLocked={isLocked} onGoBack={setUp.keepModel} />
      )}
      {report === null && !isLoading && <p class="empty">No model is loaded.</p>}
      <KeptModels isLocked={isLocked} />
    </StepPanel>
  );
}

/** "1.47 M · 5.87 MB", or "1.54 B · nf4 · 1.3 GB". */
function lineOf({ parameterCount, weightBytes, quantization }: ModelReport): string {
  const format = quantization === 'none' ? [] : [quantization];
  return [formatMagnitude(parameterCount), ...format, formatBytes(weightBytes)].join(' · ');
}

/** Whether it can be trained, in the most exact form that has room; nothing where nobody knows the room. */
function fitText({ runBytes }: CuratedModel, room: number | null): string {
  if (room === null) return '';
  const fitting = weightFormats.find(({ id }) => runBytes[id] <= room);
  return fitting === undefined ? ' · does not fit' : ` · fits as ${fitting.name}`;
}

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
        {weightFormats.map(({ id, label }) => (
          <option key={id} value={id}>
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
      <p class="small">
        {formatMagnitude(report.parameterCount)} parameters, {formatBytes(report.weightBytes)} on the GPU,
        rows of up to {formatCount(report.maxPositions)} tokens
      </p>
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
      <details class="fold">
        <summary>Shape</summary>
        <Facts
          facts={[
            ['Layers × width', `${report.layerCount} × ${formatCount(report.hiddenSize)}`],
            ['Heads / kv heads', `${report.headCount} / ${report.kvHeadCount}`],
            ['Vocabulary', formatCount(report.vocabSize)],
            ['Context', `${formatCount(report.maxPositions)} tokens`],
          ]}
        />
      </details>
    </>
  );
}

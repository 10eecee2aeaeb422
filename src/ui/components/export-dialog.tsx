import {
  exportDtypes,
  exportFormats,
  type ExportDtype,
  type ExportFormat,
} from '../../config/export-choices.ts';
import { useApp } from '../state/app-state.ts';
import { FailureAlert } from './failure-alert.tsx';
import { ModalDialog } from './modal-dialog.tsx';
import { PushForm } from './push-form.tsx';
import { SelectField } from './select-field.tsx';
import { LoadingLine } from './step-panel.tsx';
import { Tick } from './tick.tsx';

const words: Readonly<Record<ExportFormat, readonly [string, string]>> = {
  peft: ['PEFT', 'transformers and vLLM; with the chat template'],
  gguf: ['GGUF', 'llama.cpp, LM Studio, and Ollama with the Modelfile beside it'],
  mlx: ['MLX', 'mlx-lm on a Mac'],
  record: [
    'Record of the run',
    'model card, settings, and the curve as JSON lines, CSV and TensorBoard events',
  ],
  merged: [
    'Merged model',
    'the model with the adapter in it; its original weights are read again, also where they are held quantised here',
  ],
  bundle: [
    'Run bundle',
    'the run for TRL, PEFT and Accelerate on machines with more GPUs; it holds the dataset, which must be open under “Data”',
  ],
};

const dtypeWords: Readonly<Record<ExportDtype, string>> = {
  f32: 'float32, exact',
  f16: 'float16, half the size',
  bf16: 'bfloat16, half the size',
};

/** Asks which formats, and downloads them as one zip or sends them to the hub. */
export function ExportDialog() {
  const { exports } = useApp();
  return exports.source.value === null ? null : <Dialog name={exports.source.value.name} />;
}

function Dialog({ name }: { name: string }) {
  const { exports, downloadExport } = useApp();
  const { formats, dtype, isBusy, push, goesToHub, progress, cancel } = exports;
  const toggle = (format: ExportFormat, isOn: boolean): void => {
    push.forget();
    formats.value = exportFormats.filter((one) => (one === format ? isOn : formats.value.includes(one)));
  };
  return (
    <ModalDialog title={`Export ${name}`} class="builder export" onClose={exports.close}>
      {(close) => (
        <form
          class="export-body"
          onSubmit={(event) => {
            event.preventDefault();
            if (goesToHub.value) return;
            void downloadExport().then((isDone) => isDone && close());
          }}
        >
          <fieldset class="export-formats">
            <legend class="small">Formats</legend>
            {exportFormats.map((format) => (
              <Tick
                key={format}
                label={words[format][0]}
                words={words[format][1]}
                isOn={formats.value.includes(format)}
                onChange={(isOn) => toggle(format, isOn)}
                isLocked={isBusy.value}
              />
            ))}
          </fieldset>
          <SelectField
            label="Numbers as"
            value={dtype.value}
            options={exportDtypes.map((one) => [one, dtypeWords[one]])}
            onSelect={(value) => {
              push.forget();
              dtype.value = value as ExportDtype;
            }}
            isLocked={isBusy.value}
          />
          <SelectField
            label="Where to"
            value={goesToHub.value ? 'hub' : 'zip'}
            options={[
              ['zip', 'Download one zip'],
              ['hub', 'Hugging Face Hub'],
            ]}
            onSelect={(value) => (goesToHub.value = value === 'hub')}
            isLocked={isBusy.value}
          />
          {goesToHub.value && <PushForm isReady={formats.value.length > 0} />}
          <FailureAlert scope="export" />
          {progress.value !== null && (
            <LoadingLine progress={progress.value} label="Exporting" cancel={() => void cancel()} />
          )}
          {!goesToHub.value && progress.value === null && (
            <button
              type="submit"
              class="button primary"
              disabled={isBusy.value || formats.value.length === 0}
            >
              Export as zip
            </button>
          )}
        </form>
      )}
    </ModalDialog>
  );
}

import type { Signal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { droppedFiles } from '../dropped-files.ts';
import { useApp } from '../state/app-state.ts';
import { mostStrength } from '../../config/chat-limits.ts';
import { FileChooser } from './file-chooser.tsx';
import { SelectField } from './select-field.tsx';

/** Whose adapter, how much of it, and how tokens are drawn. */
export function PlaygroundSettings() {
  const { playground } = useApp();
  const { form, isWriting } = playground;
  const isLocked = isWriting.value;
  const hasAdapter = form.adapter.value.kind !== 'none';
  return (
    <div class="playground-settings">
      <div class="playground-adapter">
        <SelectField
          label="Adapter beside the base model"
          value={form.adapterValue.value}
          options={form.adapterOptions.value.map(({ value, label }) => [value, label])}
          onSelect={form.chooseAdapter}
          isLocked={isLocked}
        />
        <Strength isLocked={isLocked || !hasAdapter} />
      </div>
      <details class="fold">
        <summary>An adapter of yours, system prompt, temperature, seed</summary>
        <AdapterDrop isLocked={isLocked} />
        <SystemPrompt isLocked={isLocked} />
        <div class="playground-numbers">
          <NumberField
            label="Temperature"
            hint="0: the likeliest"
            text={form.temperature}
            isLocked={isLocked}
          />
          <NumberField label="Top-p" hint="1: all tokens" text={form.topP} isLocked={isLocked} />
          <NumberField label="Longest reply" hint="tokens" text={form.maxNewTokens} isLocked={isLocked} />
          <NumberField label="Reply seed" hint="same: same reply" text={form.seed} isLocked={isLocked} />
        </div>
      </details>
    </div>
  );
}

function Strength({ isLocked }: { readonly isLocked: boolean }) {
  const { strength } = useApp().playground.form;
  const id = useId();
  const words = strength.value === 0 ? 'the base' : strength.value === 1 ? 'as trained' : '';
  return (
    <div class="strength">
      <label class="small" for={id}>
        Adapter strength
      </label>
      <div class="strength-row">
        <input
          id={id}
          type="range"
          min={0}
          max={mostStrength}
          step={0.05}
          value={strength.value}
          disabled={isLocked}
          aria-valuetext={`${strength.value.toFixed(2)} ${words}`.trim()}
          onInput={(event) => (strength.value = Number(event.currentTarget.value))}
        />
        <span class="small strength-value">
          {strength.value.toFixed(2)} <span class="muted">{words}</span>
        </span>
      </div>
    </div>
  );
}

function AdapterDrop({ isLocked }: { readonly isLocked: boolean }) {
  const { form } = useApp().playground;
  const take = (files: File[]): void => {
    if (!isLocked) form.addAdapter(files);
  };
  // The page takes every dropped file for a dataset; here it is an adapter.
  const keep = (event: DragEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };
  const chooser = { isLocked, onChoose: take };
  return (
    <div
      class="drop-zone adapter-drop"
      data-locked={isLocked}
      onDragEnter={keep}
      onDragLeave={keep}
      onDragOver={keep}
      onDrop={(event) => {
        keep(event);
        if (event.dataTransfer !== null)
          void droppedFiles(event.dataTransfer).then(({ files }) => take(files));
      }}
    >
      <span>
        Drop an <strong>adapter</strong> here, choose its{' '}
        <FileChooser
          label="Adapter files"
          words="files or zip"
          accept=".json,.safetensors,.gguf,.zip"
          {...chooser}
        />
        , or its <FileChooser label="Adapter folder" words="folder" accept={null} {...chooser} />
      </span>
      <span class="small muted">of PEFT, MLX or llama.cpp (GGUF), made for the model that is open</span>
    </div>
  );
}

function SystemPrompt({ isLocked }: { readonly isLocked: boolean }) {
  const { systemPrompt } = useApp().playground.form;
  const id = useId();
  return (
    <div class="system-prompt">
      <label class="small" for={id}>
        System prompt of the conversation
      </label>
      <textarea
        id={id}
        class="control"
        rows={2}
        disabled={isLocked}
        value={systemPrompt.value}
        onInput={(event) => (systemPrompt.value = event.currentTarget.value)}
      />
    </div>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly hint: string;
  readonly text: Signal<string>;
  readonly isLocked: boolean;
}

function NumberField({ label, hint, text, isLocked }: NumberFieldProps) {
  const id = useId();
  return (
    <div>
      <label class="small" for={id}>
        {label} <span class="muted">({hint})</span>
      </label>
      <input
        id={id}
        class="control number"
        type="text"
        inputMode="decimal"
        autocomplete="off"
        disabled={isLocked}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
    </div>
  );
}

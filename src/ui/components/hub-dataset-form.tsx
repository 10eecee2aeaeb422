import { useSignal } from '@preact/signals';
import type { HubDatasetChoice } from '../../api/trainer-api.ts';
import { formatBytes, formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { TextField } from './text-field.tsx';

/** A dataset by its id: found, chosen from where it has several, read. The fields are there only while it is open. */
export function HubDatasetForm({ isLocked }: { isLocked: boolean }) {
  const { hubDatasets, setUp, findHubDataset } = useApp();
  const isOpen = useSignal(false);
  const isFinding = hubDatasets.isFinding.value;
  return (
    <details class="fold" open={isOpen.value} onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>From the Hugging Face Hub</summary>
      {isOpen.value && (
        <form
          class="hub-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (hubDatasets.source() !== null && !isLocked) void findHubDataset();
          }}
        >
          <TextField
            label="Dataset id"
            signal={hubDatasets.id}
            placeholder="owner/name"
            isLocked={isLocked}
          />
          <div class="hub-fields">
            <TextField
              label="Dataset revision"
              signal={hubDatasets.revision}
              placeholder="main"
              isLocked={isLocked}
            />
            <TextField
              label="Dataset access token"
              signal={hubDatasets.token}
              placeholder="hf_…"
              isLocked={isLocked}
              isSecret
            />
          </div>
          <p class="small muted">The token stays in this page’s memory and goes to the hub only.</p>
          <button
            type="submit"
            class="button"
            disabled={isLocked || isFinding || hubDatasets.source() === null}
          >
            {isFinding ? 'Looking at the hub …' : 'Read from the hub'}
          </button>
          {isFinding && (
            <button type="button" class="button small-button" onClick={() => void setUp.cancelReading()}>
              Cancel looking
            </button>
          )}
          {hubDatasets.choices.value.length > 1 && (
            <Choices choices={hubDatasets.choices.value} isLocked={isLocked} />
          )}
        </form>
      )}
    </details>
  );
}

function Choices({ choices, isLocked }: { choices: readonly HubDatasetChoice[]; isLocked: boolean }) {
  const { hubDatasets, useHubDataset } = useApp();
  return (
    <label>
      <span class="small muted">It has {formatCountOf(choices.length, 'dataset')}</span>
      <select
        aria-label="File of the dataset"
        class="control wide"
        disabled={isLocked}
        value={hubDatasets.chosen.value?.path ?? ''}
        onChange={(event) => void useHubDataset(event.currentTarget.value)}
      >
        {hubDatasets.chosen.value === null && <option value="">Choose one to read …</option>}
        {choices.map(({ path, files, bytes }) => (
          <option key={path} value={path}>
            {`${path}, ${formatBytes(bytes)}${files.length > 1 ? ` in ${files.length} files` : ''}`}
          </option>
        ))}
      </select>
    </label>
  );
}

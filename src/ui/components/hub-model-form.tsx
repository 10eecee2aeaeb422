import type { CuratedModel } from '../../api/trainer-api.ts';
import { formatBytes, formatMagnitude } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { Facts } from './step-panel.tsx';
import { TextField } from './text-field.tsx';

interface HubModelFormProps {
  readonly chosen: CuratedModel | null; // null: any other, by its id
  readonly isLocked: boolean;
}

/** What a model of the hub costs before a byte of it is downloaded, and what it may need to be read. */
export function HubModelForm({ chosen, isLocked }: HubModelFormProps) {
  const { hubModels, useModel } = useApp();
  const source = hubModels.source();
  return (
    <form
      class="hub-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (source !== null && !isLocked) void useModel(source);
      }}
    >
      {chosen !== null && <CuratedFacts model={chosen} />}
      {chosen === null && (
        <TextField label="Model id" signal={hubModels.id} placeholder="owner/name" isLocked={isLocked} />
      )}
      <div class="hub-fields">
        <TextField label="Revision" signal={hubModels.revision} placeholder="main" isLocked={isLocked} />
        {(chosen === null || chosen.isGated) && (
          <TextField
            label="Access token"
            signal={hubModels.token}
            placeholder="hf_…"
            isLocked={isLocked}
            isSecret
          />
        )}
      </div>
      {(chosen === null || chosen.isGated) && (
        <p class="small muted">The token stays in this page’s memory and goes to the hub only.</p>
      )}
      <button type="submit" class="button" disabled={isLocked || source === null}>
        Load from the hub
      </button>
    </form>
  );
}

function CuratedFacts({ model }: { model: CuratedModel }) {
  const { licence, isGated, parameterCount, downloadBytes, gpuBytes } = model;
  return (
    <Facts
      facts={[
        ['Licence', isGated ? `${licence}, gated` : licence],
        ['Parameters', formatMagnitude(parameterCount)],
        ['Download', formatBytes(downloadBytes)],
        ['GPU, float32', formatBytes(gpuBytes.none)],
        ['GPU, float16', formatBytes(gpuBytes.f16)],
        ['GPU, int8', formatBytes(gpuBytes.int8)],
        ['GPU, nf4', formatBytes(gpuBytes.nf4)],
      ]}
    />
  );
}

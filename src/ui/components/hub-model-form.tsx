import type { CuratedModel } from '../../api/trainer-api.ts';
import { formatBytes, formatMagnitude } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { weightFormats } from '../weight-formats.ts';
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
  const { hubModels } = useApp();
  const { licence, isGated, parameterCount, downloadBytes, gpuBytes, runBytes } = model;
  const room = hubModels.room.value;
  return (
    <>
      <Facts
        facts={[
          ['Licence', isGated ? `${licence}, gated` : licence],
          ['Parameters', formatMagnitude(parameterCount)],
          ['Download', formatBytes(downloadBytes)],
        ]}
      />
      <table class="memory-table small" aria-label="Memory on the GPU">
        <thead>
          <tr>
            <th scope="col">On the GPU</th>
            <th scope="col">Weights</th>
            <th scope="col">Training</th>
          </tr>
        </thead>
        <tbody>
          {weightFormats.map(({ id, name }) => (
            <tr key={id}>
              <th scope="row">{name}</th>
              <td>{formatBytes(gpuBytes[id])}</td>
              <td>
                {formatBytes(runBytes[id])}
                {room !== null && (runBytes[id] <= room ? ' · fits' : ' · too large')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="small muted">
        Training: rank 16 on all linear layers, rows of 1,024 tokens one at a time.{' '}
        {room === null
          ? 'A browser does not say how much memory a GPU has; “GPU memory limit” under More settings lets this page compare.'
          : `Compared with the ${formatBytes(room)} that this page knows of.`}
      </p>
    </>
  );
}

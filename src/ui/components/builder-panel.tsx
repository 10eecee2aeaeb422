import { useApp } from '../state/app-state.ts';
import { FailureAlert } from './failure-alert.tsx';
import { latePart } from './late-part.tsx';

const BuilderDialog = latePart(async () => (await import('./builder-dialog.tsx')).BuilderDialog, 'builder');

/** The way into the builder; the builder itself needs more room than this column has. */
export function BuilderPanel() {
  const { builder } = useApp();
  return (
    <section class="panel builder-entry" aria-label="Make AltTrain data">
      <p class="small">
        Prompts with reasoning traces (STAR-1, SafeChain or your own) become AltTrain rows, or those of a
        baseline.
      </p>
      <button
        type="button"
        class="button small-button"
        aria-haspopup="dialog"
        onClick={() => void builder.open()}
      >
        Make AltTrain data…
      </button>
      <FailureAlert scope="builder" />
      {builder.isOpen.value && <BuilderDialog />}
    </section>
  );
}

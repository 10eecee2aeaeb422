import { useApp } from '../state/app-state.ts';
import { BuilderFailure } from './builder-failure.tsx';
import { BuilderOptions } from './builder-options.tsx';
import { BuilderResult } from './builder-result.tsx';
import { BuilderSource } from './builder-source.tsx';
import { ModalDialog } from './modal-dialog.tsx';

export function BuilderDialog() {
  const { builder } = useApp();
  // The page takes every dropped file for a dataset; in here the two drop zones take them.
  const keep = (event: DragEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <ModalDialog
      title="Make AltTrain data"
      class="builder"
      onClose={() => (builder.isOpen.value = false)}
      onDragEnter={keep}
      onDragLeave={keep}
      onDragOver={keep}
      onDrop={keep}
    >
      {(close) => (
        <div class="builder-columns">
          <div class="builder-set-up">
            <BuilderSource role="harmful" />
            <BuilderSource role="benign" />
            <BuilderOptions />
          </div>
          <div class="builder-result">
            <BuilderFailure />
            <BuilderResult onDone={close} />
          </div>
        </div>
      )}
    </ModalDialog>
  );
}

import { useEffect, useRef } from 'preact/hooks';
import type { Phase } from '../../api/trainer-api.ts';
import { runName } from '../../support/run-name.ts';
import { useFocusHandOver } from '../hand-over-focus.ts';
import { formatCount } from '../format.ts';
import { needsSentence, planSentence } from '../run-words.ts';
import { useApp } from '../state/app-state.ts';
import { ExportDialog } from './export-dialog.tsx';
import { FailureAlert } from './failure-alert.tsx';
import { Icon } from './icon.tsx';
import { LessMemory } from './less-memory.tsx';
import { RunNumbers } from './run-numbers.tsx';
import { OfferNotification, RunProgress, RunStatus } from './run-status.tsx';
import { RunWarnings } from './run-warnings.tsx';
import { ConfirmWithoutRoom, NotKept } from './storage-plan.tsx';

export function RunPanel() {
  const { run } = useApp();
  return (
    <section class="panel run">
      <h2 class="visually-hidden">Run</h2>
      <Controls />
      <StartsFrom />
      <NotKept />
      <ConfirmStart />
      <ConfirmWithoutRoom />
      <RunStatus />
      <RunProgress />
      <OfferNotification />
      <RunWarnings />
      <FailureAlert scope="run" />
      <LessMemory />
      <FailureAlert scope="download" />
      <ExportDialog />
      <RunNumbers run={run} />
    </section>
  );
}

/** Where a pause is honoured: between steps, so not before the first. */
const pausable: readonly Phase[] = ['sampling', 'training'];

function Controls() {
  const { run, setUp, exports, startBlocker, requestStart, downloadAdapter } = useApp();
  const start = useRef<HTMLButtonElement>(null);
  const download = useRef<HTMLButtonElement>(null);
  const pause = useRef<HTMLButtonElement>(null);
  const resume = useRef<HTMLButtonElement>(null);
  const phase = run.phase.value;
  const isActive = run.isActive.value;
  const pending = run.pending.value;
  const blocker = startBlocker.value;
  const isPaused = phase === 'paused';
  const handOver = useFocusHandOver(isActive ? [resume, pause] : [download, start]);

  return (
    <>
      <div class="controls" {...handOver}>
        <button
          type="button"
          ref={start}
          class={`button ${run.hasUnsavedAdapter.value || isActive ? '' : 'primary'}`}
          disabled={blocker !== null}
          aria-describedby="start-blocker"
          onClick={() => void requestStart()}
        >
          <Icon name="play" /> Start training
        </button>
        {isActive && !isPaused && (
          <button
            type="button"
            class="button primary"
            ref={pause}
            disabled={run.latest.value === null || !pausable.includes(phase) || pending !== null}
            onClick={() => void run.pause()}
          >
            <Icon name="pause" /> Pause
          </button>
        )}
        {isActive && isPaused && (
          <button type="button" class="button primary" ref={resume} onClick={() => void run.resume()}>
            <Icon name="resume" /> Resume
          </button>
        )}
        <button
          type="button"
          class="button"
          disabled={!isActive || pending === 'stop'}
          onClick={() => void run.stop()}
        >
          <Icon name="stop" /> Stop
        </button>
        <button
          type="button"
          ref={download}
          class={`button download ${run.hasUnsavedAdapter.value && !isActive ? 'primary' : ''}`}
          disabled={!run.canDownload.value || run.isDownloading.value}
          onClick={() => void downloadAdapter()}
        >
          <Icon name="download" /> Download adapter
        </button>
        <button
          type="button"
          class="button"
          aria-haspopup="dialog"
          disabled={!run.canDownload.value || run.isDownloading.value}
          onClick={() => exports.openCurrent(setUp.model.report.value?.name ?? 'model')}
        >
          Export…
        </button>
      </div>
      <p class="blocker small muted" id="start-blocker">
        {blocker ??
          (run.hasUnsavedAdapter.value ? 'The adapter has not been downloaded yet.' : 'Ready to start.')}
      </p>
      {(blocker === null || isActive) && <WhatWillHappen />}
    </>
  );
}

/** Before the start, and only where it is known. */
function WhatWillHappen() {
  const { forecast, setUp } = useApp();
  const report = forecast.report.value;
  const data = setUp.dataset.report.value;
  if (report === null || data === null) return null;
  return (
    <p class="what-will-happen small">
      {planSentence({ ...report, rows: data.usableRows })} {needsSentence(report)}
    </p>
  );
}

/** What the next run starts from, where that is not fresh values. */
function StartsFrom() {
  const { run, storedRuns } = useApp();
  const from = storedRuns.startsFrom.value;
  if (from === null) return null;
  return (
    <div class="starts-from">
      <p class="small">
        The next run starts from the adapter of “{runName(from)}”, step {formatCount(from.step)}. Steps,
        learning rate and optimizer begin anew; rank, alpha, rsLoRA and target modules have to stay the
        adapter’s.
      </p>
      <button
        type="button"
        class="button quiet small-button"
        disabled={run.isActive.value}
        onClick={storedRuns.startAfresh}
      >
        Start from fresh values instead
      </button>
    </div>
  );
}

/** Asks in the page: a modal dialogue would hold up the messages of the worker. */
function ConfirmStart() {
  const { isConfirmingStart, start, downloadAdapter, failures, run } = useApp();
  const download = useRef<HTMLButtonElement>(null);
  const isOpen = isConfirmingStart.value;
  const isKept = run.isKept.value;
  useEffect(() => {
    if (isOpen) download.current?.focus();
  }, [isOpen]);
  if (!isOpen) return null;

  const close = (): void => {
    isConfirmingStart.value = false;
  };
  const saveAndStart = async (): Promise<void> => {
    await downloadAdapter();
    if (failures.of('download').value === null) await start();
  };
  return (
    <div
      class="confirm"
      role="group"
      aria-labelledby="confirm-question"
      onKeyDown={(event) => event.key === 'Escape' && close()}
    >
      <p id="confirm-question">
        The trained adapter has not been downloaded.{' '}
        {isKept
          ? 'It stays in the list of runs, in this browser; the page then shows the new run.'
          : 'A new run replaces it, with its chart and its traces.'}
      </p>
      <div class="confirm-buttons">
        <button type="button" class="button primary" ref={download} onClick={() => void saveAndStart()}>
          Save it, then start
        </button>
        <button type="button" class={`button ${isKept ? '' : 'danger'}`} onClick={() => void start()}>
          {isKept ? 'Start without downloading' : 'Discard it and start'}
        </button>
        <button type="button" class="button quiet" onClick={close}>
          Cancel
        </button>
      </div>
    </div>
  );
}

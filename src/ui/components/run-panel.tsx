import { useEffect, useRef } from 'preact/hooks';
import type { Phase } from '../../api/trainer-api.ts';
import { formatCount, formatLoss } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { FailureAlert } from './failure-alert.tsx';
import { Icon } from './icon.tsx';
import { RunNumbers } from './run-numbers.tsx';

export function RunPanel() {
  const { run } = useApp();
  return (
    <section class="panel run">
      <h2 class="visually-hidden">Run</h2>
      <Controls />
      <ConfirmStart />
      <RunStatus />
      <Progress />
      <FailureAlert scope="run" />
      <FailureAlert scope="download" />
      <RunNumbers run={run} />
    </section>
  );
}

const pausable: readonly Phase[] = ['preparing', 'sampling', 'training'];

function Controls() {
  const { run, startBlocker, requestStart, downloadAdapter } = useApp();
  const pause = useRef<HTMLButtonElement>(null);
  const resume = useRef<HTMLButtonElement>(null);
  const phase = run.phase.value;
  const isActive = run.isActive.value;
  const pending = run.pending.value;
  const blocker = startBlocker.value;
  const isPaused = phase === 'paused';
  const wasPaused = useRef(isPaused);

  // The pressed button is disabled by its own effect: hand its focus to the one that undoes it.
  useEffect(() => {
    if (wasPaused.current === isPaused) return;
    wasPaused.current = isPaused;
    const hasFocus = document.activeElement === document.body || document.activeElement === null;
    if (hasFocus || document.activeElement === pause.current || document.activeElement === resume.current)
      (isPaused ? resume : pause).current?.focus({ preventScroll: true });
  }, [isPaused]);

  return (
    <>
      <div class="controls">
        <button
          type="button"
          class={`button ${run.hasUnsavedAdapter.value ? '' : 'primary'}`}
          disabled={blocker !== null}
          aria-describedby="start-blocker"
          onClick={() => void requestStart()}
        >
          <Icon name="play" /> Start training
        </button>
        <div class="transport">
          <button
            type="button"
            class="button"
            ref={pause}
            disabled={!isActive || !pausable.includes(phase) || pending !== null}
            onClick={() => void run.pause()}
          >
            <Icon name="pause" /> Pause
          </button>
          <button
            type="button"
            class="button"
            ref={resume}
            disabled={!isActive || !isPaused}
            onClick={() => void run.resume()}
          >
            <Icon name="resume" /> Resume
          </button>
          <button
            type="button"
            class="button"
            disabled={!isActive || pending === 'stop'}
            onClick={() => void run.stop()}
          >
            <Icon name="stop" /> Stop
          </button>
        </div>
        <button
          type="button"
          class={`button download ${run.hasUnsavedAdapter.value && !isActive ? 'primary' : ''}`}
          disabled={!run.canDownload.value || run.isDownloading.value}
          onClick={() => void downloadAdapter()}
        >
          <Icon name="download" /> Download adapter
        </button>
      </div>
      <p class="blocker small muted" id="start-blocker">
        {blocker ??
          (run.hasUnsavedAdapter.value ? 'The adapter has not been downloaded yet.' : 'Ready to start.')}
      </p>
    </>
  );
}

/** Asks in the page: a modal dialogue would hold up the messages of the worker. */
function ConfirmStart() {
  const { isConfirmingStart, start, downloadAdapter, failures } = useApp();
  const download = useRef<HTMLButtonElement>(null);
  const isOpen = isConfirmingStart.value;
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
        The trained adapter has not been downloaded. A new run replaces it, with its chart and its traces.
      </p>
      <div class="confirm-buttons">
        <button type="button" class="button primary" ref={download} onClick={() => void saveAndStart()}>
          Save it, then start
        </button>
        <button type="button" class="button danger" onClick={() => void start()}>
          Discard it and start
        </button>
        <button type="button" class="button quiet" onClick={close}>
          Cancel
        </button>
      </div>
    </div>
  );
}

function RunStatus() {
  const { run, setUp, failures } = useApp();
  const isOpening = setUp.device.value === null && failures.of('device').value === null;
  const isLoading = isOpening || setUp.model.progress.value !== null || setUp.dataset.progress.value !== null;
  const phase = run.phase.value === 'idle' && isLoading ? 'loading' : run.phase.value;
  const part = run.partProgress.value;
  const step = run.latest.value;
  const result = run.result.value;
  return (
    <div class="status" role="status" data-phase={phase}>
      <span class="phase">{phase}</span> {/* Read out with a change of phase, but not at every step. */}
      <span class="status-step" aria-live="off">
        {step !== null && `step ${formatCount(step.step)} of ${formatCount(step.totalSteps)}`}
      </span>
      {result !== null && (
        <span class="status-note">
          loss {formatLoss(result.lossFirst)} → {formatLoss(result.lossLast)}
        </span>
      )}
      {run.note.value !== '' && <span class="status-note">{run.note.value}</span>}
      {run.pending.value !== null && (
        <span class="status-note">
          {run.pending.value === 'pause' ? 'pausing after this step …' : 'ending after this step …'}
        </span>
      )}
      {part !== null && (
        <span class="status-note" aria-live="off">
          {part.note === run.note.value ? '' : part.note} {formatCount(part.done)} / {formatCount(part.total)}
        </span>
      )}
    </div>
  );
}

function Progress() {
  const { run } = useApp();
  const latest = run.latest.value;
  const part = run.partProgress.value;
  const done = latest?.step ?? 0;
  const total = latest?.totalSteps ?? 0;
  return (
    <>
      <div
        class="bar"
        role="progressbar"
        aria-label="Training progress"
        aria-valuemin={0}
        aria-valuemax={total || 100}
        aria-valuenow={done}
        aria-valuetext={total === 0 ? 'not started' : `step ${done} of ${total}`}
      >
        <div class="bar-fill" style={{ width: `${total === 0 ? 0 : (100 * done) / total}%` }} />
      </div>
      {/* A second, thinner line for sampling and evaluation, which have their own count. */}
      <div class="bar hair" aria-hidden="true">
        <div
          class="bar-fill"
          style={{ width: `${part === null ? 0 : (100 * part.done) / Math.max(1, part.total)}%` }}
        />
      </div>
    </>
  );
}

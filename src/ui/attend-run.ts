/**
 * What the page asks of the browser while a run is under way: that the screen stays on, that what is kept is not cleared
 * away, that the tab says how far it is, and a word at the end where the user has allowed it.
 */
import { effect } from '@preact/signals';
import type { AppState } from './state/app-state.ts';
import type { Run } from './state/run.ts';

export function attendRun({ run }: AppState): void {
  const plain = document.title;
  effect(() => {
    document.title = titleOf(run, plain);
  });
  let wake: Promise<WakeLockSentinel | null> | null = null;
  const stayAwake = (): void => {
    if (!('wakeLock' in navigator) || document.visibilityState !== 'visible') return;
    wake ??= navigator.wakeLock.request('screen').then(
      (sentinel) => {
        sentinel.addEventListener('release', () => (wake = null));
        return sentinel;
      },
      () => (wake = null), // low battery, or not allowed: the run goes on as long as the computer does
    );
  };
  let wasActive = false;
  effect(() => {
    const isActive = run.isActive.value;
    if (isActive === wasActive) return;
    wasActive = isActive;
    if (isActive) {
      stayAwake();
      if ('storage' in navigator) void navigator.storage.persist().catch(() => false);
      return;
    }
    void wake?.then((sentinel) => sentinel?.release());
    tellTheEnd(run);
  });
  document.addEventListener('visibilitychange', () => {
    if (run.isActive.peek()) stayAwake(); // the browser takes it back from hidden pages
  });
}

function titleOf({ isActive, latest, phase }: Run, plain: string): string {
  if (!isActive.value) return plain;
  const step = latest.value;
  const share = step === null ? '' : `${Math.floor((100 * step.step) / step.totalSteps)} % `;
  return `${share}${phase.value} · ${plain}`;
}

/** Where the user has allowed it, and is not looking. */
function tellTheEnd(run: Run): void {
  if (!('Notification' in window) || Notification.permission !== 'granted') return;
  if (document.visibilityState === 'visible') return;
  const loss = run.latest.peek()?.loss;
  new Notification(`AltTrain Web: run ${run.phase.peek()}`, {
    body: loss === undefined ? '' : `Loss ${loss.toFixed(4)}`,
  });
}

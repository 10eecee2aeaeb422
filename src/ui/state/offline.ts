/** The page without a network: kept by a service worker (workers/offline.worker.ts) once everything else is there. */
import { signal, type ReadonlySignal } from '@preact/signals';

export interface Offline {
  /** The page and the demo open without a network from now on. */
  readonly isKept: ReadonlySignal<boolean>;
  /** A newer version of the page is there, and waits. */
  readonly hasUpdate: ReadonlySignal<boolean>;
  /** It cannot come now: the page is open in another tab, which may be training. */
  readonly isOpenElsewhere: ReadonlySignal<boolean>;
  /** At the first visit once `isOpen`, as it fetches everything again; later at once, to look for a newer version. */
  readonly keep: (isOpen: Promise<void>) => Promise<void>;
  /** Opens the newer version in the place of this one: now, or once other tabs are closed, unless something has begun here by then. */
  readonly update: (isBusy: () => boolean) => Promise<void>;
}

export function createOffline(): Offline {
  const isKept = signal(false);
  const hasUpdate = signal(false);
  const isOpenElsewhere = signal(false);
  let registration: ServiceWorkerRegistration | undefined;
  let isAsking = false;

  const look = (): void => {
    isKept.value = (registration?.active ?? null) !== null;
    hasUpdate.value = isKept.value && (registration?.waiting ?? null) !== null;
  };
  const watch = (worker: ServiceWorker | null): void => worker?.addEventListener('statechange', look);

  return {
    isKept,
    hasUpdate,
    isOpenElsewhere,
    async keep(isOpen) {
      if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
      if (navigator.serviceWorker.controller === null) await isOpen;
      // Without one the page is as it was; a folder without it, or a browser that keeps nothing, has none.
      registration = await navigator.serviceWorker
        .register(new URL('offline.worker.js', location.href).href, { updateViaCache: 'none' })
        .catch(() => undefined);
      if (registration === undefined) return;
      look();
      watch(registration.installing);
      watch(registration.waiting);
      registration.addEventListener('updatefound', () => watch(registration?.installing ?? null));
    },
    async update(isBusy) {
      if (isAsking) return;
      isAsking = true;
      const reload = (): void => location.reload();
      navigator.serviceWorker.addEventListener('controllerchange', reload);
      let comes = false;
      while (!comes && !isBusy()) {
        const waiting = registration?.waiting ?? null;
        if (waiting === null) break;
        comes = await mayCome(waiting);
        isOpenElsewhere.value = !comes;
        if (!comes) await new Promise((wake) => setTimeout(wake, askAgainMs));
      }
      if (!comes) navigator.serviceWorker.removeEventListener('controllerchange', reload);
      isOpenElsewhere.value = false;
      isAsking = false;
    },
  };
}

/** A browser counts a closed tab for a moment longer. */
const askAgainMs = 1000;

/** Asks the newer version whether it can take this page's place. */
function mayCome(waiting: ServiceWorker): Promise<boolean> {
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise<boolean>((resolve) => {
    port1.onmessage = ({ data }) => resolve(data === true);
  });
  waiting.postMessage('use this version', [port2]);
  return answer;
}

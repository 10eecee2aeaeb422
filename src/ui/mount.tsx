/** Puts state and components together on the page. */
import { render } from 'preact';
import { createBuilderClient } from '../client/builder-client.ts';
import type { TrainerApi } from '../api/trainer-api.ts';
import { attendRun } from './attend-run.ts';
import { App } from './components/app.tsx';
import { installPageDrop } from './page-drop.ts';
import { AppProvider, createAppState, type AppState } from './state/app-state.ts';
import 'uplot/dist/uPlot.min.css';
import './styles/base.css';
import './styles/set-up.css';
import './styles/data.css';
import './styles/hub.css';
import './styles/memory.css';
import './styles/live.css';
import './styles/builder.css';
import './styles/runs.css';
import './styles/evaluations.css';
import './styles/playground.css';
import './styles/compare.css';
import './styles/exports.css';

interface PageOptions {
  /** Start with the demo model and the built-in dataset as soon as both are there. */
  readonly startDemo: boolean;
}

export async function mountPage(client: TrainerApi, { startDemo }: PageOptions): Promise<void> {
  const root = document.getElementById('app');
  if (root === null) throw new Error('index.html has no #app');
  const app = createAppState(client, createBuilderClient());
  render(
    <AppProvider value={app}>
      <App />
    </AppProvider>,
    root,
  );
  installPageDrop(app);
  warnBeforeLeaving(app);
  keepWhenHidden(app);
  attendRun(app);
  void app.storedRuns.refresh();
  void app.evaluations.refresh();
  await app.settingsTransfer.openLink(location.href);
  const isOpen = app.setUp.open();
  void app.offline.keep(isOpen);
  await isOpen;
  if (startDemo) await app.start();
}

/** A kept run loses nothing but the steps since its last checkpoint. */
function warnBeforeLeaving({ run }: AppState): void {
  window.addEventListener('beforeunload', (event) => {
    if (run.isActive.value || (run.hasUnsavedAdapter.value && !run.isKept.value)) event.preventDefault();
  });
}

/** A page that is hidden may be frozen or closed without another word. */
function keepWhenHidden({ client, run }: AppState): void {
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden' && run.isActive.value)
      void client.saveNow().catch(() => undefined);
  });
}

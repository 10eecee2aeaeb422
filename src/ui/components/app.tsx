import { isDraggingFile } from '../page-drop.ts';
import { About } from './about.tsx';
import { BuilderPanel } from './builder-panel.tsx';
import { DatasetPanel } from './dataset-panel.tsx';
import { EvaluatePanel } from './evaluate-panel.tsx';
import { EvaluationsPanel } from './evaluations-panel.tsx';
import { Header } from './header.tsx';
import { LossPanel } from './loss-panel.tsx';
import { ModelPanel } from './model-panel.tsx';
import { PlaygroundPanel } from './playground-panel.tsx';
import { ReproducePanel } from './reproduce-panel.tsx';
import { ResultsPanel } from './results-panel.tsx';
import { RunPanel } from './run-panel.tsx';
import { RunsPanel } from './runs-panel.tsx';
import { SampleTraces } from './sample-traces.tsx';
import { SettingsPanel } from './settings-panel.tsx';
import { UpdateOffer } from './update-offer.tsx';

export function App() {
  return (
    <div class={`page ${isDraggingFile.value ? 'is-dragging' : ''}`}>
      <Header />
      <UpdateOffer />
      <main class="columns">
        <div class="set-up">
          <ModelPanel />
          <DatasetPanel />
          <BuilderPanel />
          <SettingsPanel />
        </div>
        <div class="live">
          <div class="live-column">
            <RunPanel />
            <LossPanel />
            <SampleTraces />
            <ResultsPanel />
          </div>
          <div class="live-column">
            <PlaygroundPanel />
            <EvaluatePanel />
            <EvaluationsPanel />
            <RunsPanel />
            <ReproducePanel />
          </div>
        </div>
      </main>
      <About />
    </div>
  );
}

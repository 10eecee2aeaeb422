/** Trains a LoRA adapter on a file of rows, on this thread, and gives the files that PEFT reads. */
import { browserHost, createTrainer, requireRunConfig, type ExportedFile } from 'alttrain-web';

export async function trainInPage(appBaseUrl: string, rows: File): Promise<readonly ExportedFile[]> {
  const config = requireRunConfig({ max_length: 256, max_steps: 3, sample_steps: 0, suite_prompts: 0 });
  const trainer = createTrainer(browserHost(appBaseUrl));
  const engine = await trainer.openEngine();
  try {
    const model = await engine.loadModel({ kind: 'demo' });
    const dataset = await model.readDataset({ kind: 'file', name: rows.name, file: rows }, config);
    const run = await model.createRun(dataset, { config });
    await run.train((event) => {
      if (event.kind === 'step')
        console.log(`step ${event.report.step}: loss ${event.report.loss.toFixed(4)}`);
    });
    return await run.files();
  } finally {
    engine.dispose(); // and with it the model and the run
  }
}

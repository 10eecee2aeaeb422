/** The same in a worker: the page stays free while it trains. */
import { createTrainerClient, datasetSettings, requireRunConfig, type ExportedFile } from 'alttrain-web';

export async function trainInWorker(rows: File): Promise<readonly ExportedFile[]> {
  const config = requireRunConfig({ max_length: 256, max_steps: 3, sample_steps: 0, suite_prompts: 0 });
  const trainer = createTrainerClient();
  await trainer.loadModel({ kind: 'demo' }, 'none', ({ done, total }) =>
    console.log(`${done} of ${total} bytes`),
  );
  const source = { kind: 'file', name: rows.name, file: rows } as const;
  const report = await trainer.readDataset(source, datasetSettings(config), () => undefined);
  console.log(`${report.usableRows} rows, ${report.rejectedRows} not used`);
  await trainer.startTraining({ config }, (event) => {
    if (event.kind === 'step') console.log(`step ${event.report.step}: loss ${event.report.loss.toFixed(4)}`);
  });
  return trainer.exportFiles();
}

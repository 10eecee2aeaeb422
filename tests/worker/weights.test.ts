// Weights from the file to the step: a row of weight 2 trains as the row twice, whatever a step reports of it.
import { beforeAll, expect, test } from 'vitest';
import type { StepReport, TrainerApi } from '../../src/api/trainer-api.ts';
import { datasetSettings } from '../../src/config/dataset-settings.ts';
import { requireRunConfig } from '../../src/config/run-config.ts';
import { browserHost } from '../../src/host/browser/browser-host.ts';
import { createTrainerService } from '../../src/trainer/trainer-service.ts';
import { fixtureUrl, relativeError } from '../gpu/open.ts';

const nothing = (): void => undefined;
const first = { prompt: 'Is 91 prime?', completion: '91 = 7 × 13.\n</think>\n\nNo.' };
const second = { prompt: 'Is 7 prime?', completion: 'Only 1 and 7 divide it.\n</think>\n\nYes.' };

let service: TrainerApi;
beforeAll(async () => {
  service = createTrainerService(browserHost(`${location.origin}/`));
  const baseUrl = fixtureUrl('goldens/tied-gqa/model/');
  await service.loadModel({ kind: 'url', name: 'tied-gqa', baseUrl }, 'none', nothing);
});

/** Three steps, each over all rows. */
async function stepsOver(rows: readonly object[]): Promise<StepReport[]> {
  const config = requireRunConfig({
    max_steps: 3,
    per_device_train_batch_size: 1,
    gradient_accumulation_steps: rows.length,
    learning_rate: 1e-2,
    r: 4,
    sample_steps: 0,
    shuffle: false,
  });
  const file = new Blob([rows.map((row) => JSON.stringify(row)).join('\n')]);
  await service.readDataset({ kind: 'file', name: 'rows.jsonl', file }, datasetSettings(config), nothing);
  const reports: StepReport[] = [];
  await service.startTraining({ config }, (event) => {
    if (event.kind === 'step') reports.push(event.report);
  });
  return reports;
}
const lossesOf = (reports: readonly StepReport[]): number[] => reports.map(({ loss }) => loss);

test('a row of weight 2 trains as the row twice, and its tokens are counted once', async () => {
  const [weighted, twice, plain] = [
    await stepsOver([{ ...first, weight: 2 }, second]),
    await stepsOver([first, first, second]),
    await stepsOver([first, second]),
  ];
  expect(weighted).toHaveLength(3);
  expect(relativeError(lossesOf(weighted), lossesOf(twice))).toBeLessThan(1e-5);
  expect(relativeError(lossesOf(weighted), lossesOf(plain))).toBeGreaterThan(1e-4);
  expect(weighted.map(({ targetTokens }) => targetTokens)).toEqual(
    plain.map(({ targetTokens }) => targetTokens),
  );
  for (const { loss, metrics } of weighted) expect(metrics).toEqual({ loss });
});

test('the same weight everywhere trains as none, to the bit', async () => {
  const all = await stepsOver([first, second].map((row) => ({ ...row, weight: 4 })));
  expect(lossesOf(all)).toEqual(lossesOf(await stepsOver([first, second])));
});

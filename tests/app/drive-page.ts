/** The page as a script meets it: by the accessible names that are part of its contract. */
import type { Locator, Page } from 'playwright-core';

export interface PageDriver {
  readonly start: Locator;
  readonly pause: Locator;
  readonly resume: Locator;
  readonly stop: Locator;
  readonly download: Locator;
  readonly model: Locator;
  readonly datasetFile: Locator;
  readonly dataset: Locator;
  readonly loss: Locator;
  readonly traces: Locator;
  readonly alerts: Locator;
  /** First word of the status region. */
  phase(): Promise<string>;
  /** Optimizer steps done, from the progressbar. */
  step(): Promise<number>;
  waitForPhase(phase: string): Promise<void>;
  waitForStep(atLeast: number): Promise<void>;
  /** Model and dataset are read, the settings are right. */
  waitUntilReady(): Promise<void>;
  /** A step that is done shows one line, until its details are asked for. */
  unfold(step: 'Model' | 'Dataset'): Promise<void>;
  /** Fills settings by their labels, those under "More settings" too. */
  fillSettings(values: Readonly<Record<string, string>>): Promise<void>;
  dropFile(name: string, text: string): Promise<void>;
}

const RUN_MS = 240_000; // a software GPU on a busy machine takes seconds a step

export function drivePage(page: Page): PageDriver {
  const button = (name: string): Locator => page.getByRole('button', { name, exact: true });
  const region = (name: string): Locator => page.getByRole('region', { name, exact: true });
  const start = button('Start training');
  const phase = async (): Promise<string> =>
    /^\w+/.exec((await page.getByRole('status').textContent()) ?? '')?.[0] ?? '';
  const step = async (): Promise<number> =>
    Number(await page.getByRole('progressbar', { name: 'Training progress' }).getAttribute('aria-valuenow'));
  const until = async (holds: () => Promise<boolean>, what: string): Promise<void> => {
    const began = performance.now();
    while (!(await holds())) {
      if (performance.now() - began > RUN_MS) {
        const alerts = await page.getByRole('alert').allTextContents();
        throw new Error(
          `${what} was waited for; phase ${await phase()}, step ${await step()}, alerts: ${alerts.join('; ')}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  return {
    start,
    pause: button('Pause'),
    resume: button('Resume'),
    stop: button('Stop'),
    download: button('Download adapter'),
    model: page.getByRole('combobox', { name: 'Model', exact: true }),
    datasetFile: page.getByLabel('Dataset file', { exact: true }),
    dataset: region('Dataset'),
    loss: region('Loss'),
    traces: region('Sample traces'),
    alerts: page.getByRole('alert'),
    phase,
    step,
    waitForPhase: (wanted) => until(async () => (await phase()) === wanted, `phase ${wanted}`),
    waitForStep: (atLeast) => until(async () => (await step()) >= atLeast, `step ${atLeast}`),
    waitUntilReady: () => until(() => start.isEnabled(), 'an enabled "Start training"'),
    unfold: (step) => button(`Details: ${step}`).click(),
    fillSettings: async (values) => {
      const more = page.getByText('More settings', { exact: true });
      if (!(await page.getByLabel('Sample every', { exact: true }).isVisible())) await more.click();
      for (const [label, value] of Object.entries(values))
        await page.getByLabel(label, { exact: true }).fill(value);
    },
    dropFile: async (name, text) => {
      const dataTransfer = await page.evaluateHandle(
        ([fileName, content]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([content], fileName));
          return transfer;
        },
        [name, text] as const,
      );
      for (const type of ['dragenter', 'dragover', 'drop'])
        await region('Dataset').dispatchEvent(type, { dataTransfer });
    },
  };
}

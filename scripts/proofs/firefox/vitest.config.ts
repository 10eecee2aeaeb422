/** The GPU tests of Chromium once more, in Firefox: npm run proof:firefox. */
import { defineConfig } from 'vitest/config';
import { hubCommands } from '../../../tests/support/hub-commands.ts';
import { projectRoot } from '../../cli/paths.ts';
import { aliases, gpuTests, prebundled } from '../../vite/shared.ts';
import { releasedFirefox } from './provider.ts';

export default defineConfig({
  root: projectRoot,
  resolve: { alias: aliases },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  optimizeDeps: { include: prebundled },
  worker: { format: 'es' },
  test: {
    name: 'firefox-gpu',
    ...gpuTests,
    exclude: ['tests/worker/model-cache.test.ts'], // fills the disk through Chromium's debugger
    testTimeout: 900_000,
    hookTimeout: 900_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      commands: hubCommands,
      provider: releasedFirefox(),
      instances: [{ browser: 'firefox' }],
    },
  },
});

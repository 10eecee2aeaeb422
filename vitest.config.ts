import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { findBrowser } from './scripts/cli/find-browser.ts';
import { chromiumArgs, gpuMode } from './scripts/cli/gpu-flags.ts';
import { hubCommands } from './tests/support/hub-commands.ts';
import { aliases, gpuTests, prebundled } from './scripts/vite/shared.ts';

const shared = {
  resolve: { alias: aliases },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
} as const;

/** Inlined: tfjs has extensionless imports that Node refuses; @xenova/transformers needs the aliases above. */
const inline = [/@tensorflow\//, /@xenova\/transformers/];

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          environment: 'node',
          include: ['tests/unit/**/*.test.{ts,tsx}'],
          testTimeout: 120_000, // the GPU's tests run beside them
          server: { deps: { inline } },
        },
      },
      {
        ...shared,
        optimizeDeps: { include: prebundled },
        worker: { format: 'es' },
        test: {
          name: 'gpu',
          ...gpuTests,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            commands: hubCommands,
            provider: playwright({
              launchOptions: {
                executablePath: findBrowser()?.path,
                args: [...chromiumArgs(gpuMode())],
              },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      ...(['headless', 'app', 'firefox', 'slow'] as const).map((name) => ({
        ...shared,
        test: {
          name,
          environment: 'node' as const,
          include: [`tests/${name}/**/*.test.ts`],
          globalSetup: ['tests/support/ensure-dist.ts'],
          testTimeout: 600_000, // a command compiles for half a minute where two of them share the processors
          hookTimeout: 180_000,
          fileParallelism: false,
          server: { deps: { inline } },
        },
      })),
    ],
  },
});

/** `npm run test:second-adapter`: the GPU tests in Node, on Dawn. Not part of `npm test`, which needs only a browser. */
import { defineConfig } from 'vitest/config';
import { passes } from '../../tests/second-adapter/passes.ts';
import { projectRoot } from '../cli/paths.ts';
import { aliases } from '../vite/shared.ts';

export default defineConfig({
  root: projectRoot,
  test: {
    projects: passes.map(({ name, files }) => ({
      resolve: { alias: aliases },
      root: projectRoot,
      test: {
        name,
        environment: 'node',
        include: [...files],
        env: { ALTTRAIN_PASS: name },
        globalSetup: ['tests/second-adapter/serve-fixtures.ts'],
        setupFiles: ['tests/second-adapter/open-adapter.ts'],
        testTimeout: 900_000, // the driver compiles some kernels for minutes
        hookTimeout: 300_000,
        fileParallelism: false,
        pool: 'forks',
        server: { deps: { inline: [/@tensorflow\//, /@xenova\/transformers/] } },
      },
    })),
  },
});

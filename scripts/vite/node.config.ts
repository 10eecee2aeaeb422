/** The trainer, the library and the benchmark for Node, without dependencies but Dawn, which is a binary. */
import type { UserConfig } from 'vite';
import { thirdPartyNotices } from './third-party.ts';
import { aliases } from './shared.ts';

export default {
  plugins: [thirdPartyNotices().page],
  resolve: { alias: aliases },
  ssr: { noExternal: true, external: ['webgpu'], target: 'node' },
  build: {
    ssr: true,
    target: 'node20',
    outDir: 'dist-node',
    copyPublicDir: false,
    minify: true,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 10_000,
    rolldownOptions: {
      input: {
        trainer: 'workers/trainer.node.ts',
        library: 'src/node.ts',
        measure: 'tests/bench/node/measure.ts',
        bench: 'tests/bench/node/suite.ts',
      },
      output: { entryFileNames: '[name].js', format: 'es' },
      checks: { bundlerTimings: false },
    },
  },
} satisfies UserConfig;

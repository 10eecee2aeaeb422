/** The commands of the package, with everything they use but Dawn, a binary, and what drives a browser, which is optional. */
import type { UserConfig } from 'vite';
import { aliases } from './shared.ts';
import { thirdPartyNotices } from './third-party.ts';

export default {
  plugins: [thirdPartyNotices().page],
  resolve: { alias: aliases },
  // A package is built already: its commands load neither vite nor tsx.
  ssr: { noExternal: true, external: ['webgpu', 'playwright-core', 'vite'], target: 'node' },
  build: {
    ssr: true,
    target: 'node20',
    outDir: 'dist-cli',
    copyPublicDir: false,
    minify: true,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 10_000,
    rolldownOptions: {
      input: { cli: 'scripts/cli.ts', 'probe-adapter': 'scripts/cli/probe-adapter.ts' },
      output: { entryFileNames: '[name].js', format: 'es' },
      checks: { bundlerTimings: false },
    },
  },
} satisfies UserConfig;

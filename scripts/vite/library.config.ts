/** `import … from 'alttrain-web'` for pages: one module and the workers it starts, which any bundler, or none, can take. */
import type { UserConfig } from 'vite';
import { packageTypes } from './package-types.ts';
import { plainWorkerUrl } from './plain-worker-url.ts';
import { aliases } from './shared.ts';
import { thirdPartyNotices } from './third-party.ts';

const quiet = { bundlerTimings: false };
const notices = thirdPartyNotices();

export default {
  base: './',
  plugins: [notices.page, plainWorkerUrl(), packageTypes()],
  resolve: { alias: aliases },
  // One file: a bundler that takes it over may make a classic worker of it, which loads no further modules.
  worker: {
    format: 'es',
    plugins: notices.worker,
    rolldownOptions: { checks: quiet, output: { codeSplitting: false } },
  },
  build: {
    target: 'esnext',
    outDir: 'dist-lib',
    copyPublicDir: false,
    minify: true,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 10_000,
    rolldownOptions: {
      input: { index: 'src/index.ts' },
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: '[name].js', format: 'es', codeSplitting: false },
      checks: quiet,
    },
  },
} satisfies UserConfig;

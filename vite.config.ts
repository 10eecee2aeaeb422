import { defineConfig } from 'vite';
import { offlineFiles, offlineWorkerFile } from './scripts/vite/offline.ts';
import { policyInPage } from './scripts/vite/policy-in-page.ts';
import { thirdPartyNotices } from './scripts/vite/third-party.ts';
import { aliases, prebundled } from './scripts/vite/shared.ts';

const quiet = { bundlerTimings: false };
const notices = thirdPartyNotices();

export default defineConfig({
  base: './',
  plugins: [policyInPage(), notices.page, offlineFiles()],
  resolve: { alias: aliases },
  optimizeDeps: { include: prebundled },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es', plugins: notices.worker, rolldownOptions: { checks: quiet } },
  server: { host: '127.0.0.1' },
  build: {
    target: 'esnext',
    outDir: 'dist',
    sourcemap: false,
    reportCompressedSize: false, // gzipping every chunk takes longer than bundling it
    chunkSizeWarningLimit: 2500,
    rolldownOptions: {
      input: { index: 'index.html', offline: 'workers/offline.worker.ts' },
      output: {
        entryFileNames: ({ name }) => (name === 'offline' ? offlineWorkerFile : 'assets/[name]-[hash].js'),
      },
      checks: quiet,
    },
  },
});

/** The benchmark page, built apart from the site: it brings the libraries it compares with, 30 MB of them. */
import { mergeConfig, type UserConfig } from 'vite';
import site from '../../vite.config.ts';

const input = ['tests/bench/index.html'];
const merged = mergeConfig<UserConfig, UserConfig>(site, { build: { outDir: 'dist-bench' } });
export default {
  ...merged,
  build: { ...merged.build, rolldownOptions: { ...merged.build?.rolldownOptions, input } },
} satisfies UserConfig;

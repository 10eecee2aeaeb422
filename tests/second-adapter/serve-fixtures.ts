/** Runs once a pass: the GPU tests fetch their fixtures, so Node serves them as vitest does for the browser. */
import type { TestProject } from 'vitest/node';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { serve } from '../../scripts/cli/serve.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly fixtureOrigin: string;
  }
}

export default async function serveFixtures(project: TestProject): Promise<() => Promise<void>> {
  const served = await serve({
    root: `${projectRoot}/public`,
    mounts: [{ prefix: 'tests/fixtures', path: `${projectRoot}/tests/fixtures` }],
  });
  project.provide('fixtureOrigin', served.url);
  return () => served.close();
}

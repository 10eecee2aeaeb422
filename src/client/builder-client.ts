/** The page's end of the builder's worker. It is started with the first call: most visits never need it. */
import type { BuilderApi } from '../api/builder-api.ts';
import { remoteApi } from './remote-api.ts';

export function createBuilderClient(): BuilderApi {
  return remoteApi<BuilderApi>(
    'builder',
    () => new Worker(new URL('../../workers/builder.worker.ts', import.meta.url), { type: 'module' }),
  );
}

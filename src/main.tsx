/** Composition root: one worker, and either the page or, for `/?headless`, the bridge that scripts drive. */
import { createTrainerClient } from './client/trainer-client.ts';
import { allowOwnWorkers } from './trusted-types.ts';

const parameters = new URLSearchParams(location.search);
allowOwnWorkers();
const client = createTrainerClient();

if (parameters.has('headless')) {
  const { startHeadlessBridge } = await import('./headless/bridge.ts');
  startHeadlessBridge(client);
} else {
  const { mountPage } = await import('./ui/mount.tsx');
  await mountPage(client, { startDemo: parameters.get('run') === 'demo' });
}

// A run that was trained elsewhere and does not say on which tokens: its bundle is made of the data that are open.
import { unzipSync } from 'fflate';
import { afterAll, expect, test } from 'vitest';
import { startTrainerWorker } from '../../src/client/trainer-client.ts';
import { datasetSettings } from '../../src/config/dataset-settings.ts';
import { defaultRunConfig } from '../../src/config/run-config.ts';
import { fixtureUrl } from '../gpu/open.ts';

const worker = startTrainerWorker();
const { api } = worker;
afterAll(() => worker.end());
const nothing = (): void => undefined;

test('without a digest in its bundle_config.json the open dataset is taken, with another one it is refused', async () => {
  await api.loadModel({ kind: 'demo' }, 'none', nothing);
  await api.readDataset(
    { kind: 'builtin', name: 'alttrain-1k' },
    { ...datasetSettings(defaultRunConfig), maxLength: 256 },
    nothing,
  );
  const blobOf = async (name: string): Promise<Blob> =>
    (await fetch(fixtureUrl(`trainer-state/${name}`))).blob();
  const names = ['trainer_state.json', 'adapter_config.json', 'adapter_model.safetensors'];
  const files = await Promise.all(names.map(async (path) => ({ path, content: await blobOf(path) })));
  const bundleConfig = { path: 'bundle_config.json', content: await blobOf('bundle_config.json') };

  const bundleOf = async (id: string): Promise<string[]> => {
    const request = { runId: id, formats: ['bundle'], dtype: 'f32', zip: null } as const;
    const zip = await api.exportAs(request, nothing);
    return Object.keys(unzipSync(new Uint8Array(await zip.arrayBuffer())));
  };
  const { id: unknown } = await api.importRun(files);
  expect(await bundleOf(unknown)).toContain('bundle/train.py');
  const { id: other } = await api.importRun([...files, bundleConfig]);
  await expect(bundleOf(other)).rejects.toMatchObject({ code: 'not-ready' });
});

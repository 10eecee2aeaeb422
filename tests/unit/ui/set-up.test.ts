import { expect, test } from 'vitest';
import type { DatasetReport, DatasetSource, ModelReport, TrainerApi } from '../../../src/api/trainer-api.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { createFailures } from '../../../src/ui/state/failures.ts';
import { createSettings } from '../../../src/ui/state/settings.ts';
import { createSetUp } from '../../../src/ui/state/set-up.ts';

/** A page whose worker reads what has "good" in its name, and cancels what has "cancel". */
async function opened() {
  const gone = { how: '' };
  const answer = (name: string): void => {
    if (name.includes('cancel')) throw new TrainerError('cancelled', 'ended');
    if (name.includes('bad')) throw new TrainerError('dataset-unreadable', `${name} cannot be read`);
  };
  const client = {
    openDevice: async () => ({}),
    proveDevice: async () => undefined,
    loadModel: async (source: { kind: string; name?: string }) => {
      answer(source.name ?? source.kind);
      return { name: source.name ?? 'demo', maxPositions: 512 } as ModelReport;
    },
    readDataset: async (source: { name: string }, { maxLength }: { maxLength: number }) => {
      answer(source.name + gone.how);
      if (source.name === 'long' && maxLength < 100) throw new TrainerError('dataset-empty', 'too long');
      return { name: source.name, gate: [], usableRows: 1000 } as unknown as DatasetReport;
    },
  } as unknown as TrainerApi;
  const failures = createFailures();
  const settings = createSettings();
  const setUp = createSetUp(client, settings, failures);
  await setUp.open();
  return { setUp, settings, failures, gone };
}
const file = (name: string): DatasetSource => ({ kind: 'file', name, file: new Blob() });
const folder = (name: string) => ({ kind: 'files', name, files: [] }) as const;

test('data that are refused are named as such until others are read, or the user goes back', async () => {
  const { setUp, failures } = await opened();
  expect(setUp.unmetDataset.value).toBe(null);
  await setUp.readDataset(file('bad.png'));
  expect(setUp.unmetDataset.value).toEqual({ name: 'bad.png', why: 'refused' });
  await setUp.readDataset(file('good'));
  expect(setUp.unmetDataset.value).toBe(null);
  await setUp.readDataset(file('bad.png'));
  setUp.keepDataset();
  expect(setUp.unmetDataset.value).toBe(null);
  expect(failures.of('dataset').value).toBe(null);
  expect(setUp.dataset.report.value?.name).toBe('good');
});

test('reading that the user has ended leaves the data before in use', async () => {
  const { setUp } = await opened();
  await setUp.readDataset(file('cancel'));
  expect(setUp.unmetDataset.value).toBe(null);
  expect(setUp.dataset.report.value?.name).toBe('alttrain-1k');
});

test('a model that is picked, refused or whose loading was ended is not in use', async () => {
  const { setUp } = await opened();
  setUp.pickModel({ name: 'a/b', option: 'a/b' });
  expect(setUp.unmetModel.value).toEqual({ name: 'a/b', option: 'a/b', why: 'not loaded' });
  await setUp.loadModel(folder('cancel'));
  expect(setUp.unmetModel.value?.why).toBe('not loaded');
  await setUp.loadModel(folder('bad'));
  expect(setUp.unmetModel.value).toEqual({ name: 'bad', option: 'folder', why: 'refused' });
  expect(setUp.model.report.value?.name).toBe('demo');
  await setUp.loadModel(folder('good'));
  expect(setUp.unmetModel.value).toBe(null);
});

test.each(['cancel', 'bad'])('data whose tokens are another model’s are not in use (%s)', async (how) => {
  const { setUp, gone } = await opened();
  gone.how = how; // the file cannot be read any more when the next model needs it
  await setUp.loadModel(folder('good'));
  expect(setUp.dataset.report.value).toBe(null);
  gone.how = '';
  await setUp.readDataset(file('good'));
  expect(setUp.dataset.report.value?.name).toBe('good');
});

test('data that were refused with some settings are read again with others', async () => {
  const { setUp, settings } = await opened();
  settings.edit('maxLength', '50');
  await setUp.readDataset(file('long'));
  expect(setUp.unmetDataset.value?.why).toBe('refused');
  settings.edit('maxLength', '60');
  await setUp.refreshDataset();
  expect(setUp.unmetDataset.value?.why).toBe('refused');
  settings.edit('maxLength', '200');
  await setUp.refreshDataset();
  expect(setUp.unmetDataset.value).toBe(null);
  expect(setUp.dataset.report.value?.name).toBe('long');
  settings.edit('maxLength', '50');
  await setUp.refreshDataset();
  expect(setUp.unmetDataset.value?.why).toBe('refused');
  settings.edit('maxLength', '200'); // as it was read
  await setUp.refreshDataset();
  expect(setUp.unmetDataset.value).toBe(null);
});

test('a GPU that turns out to be wrong while the data are read is a failure of the GPU', async () => {
  const failures = createFailures();
  const client = {
    openDevice: async () => ({}),
    proveDevice: () => Promise.reject(new TrainerError('self-test-failed', 'It computes wrong numbers.')),
    loadModel: async () => ({ name: 'demo', maxPositions: 512 }),
    readDataset: async () => ({ name: 'rows', gate: [], usableRows: 1000 }),
  } as unknown as TrainerApi;
  const setUp = createSetUp(client, createSettings(), failures);
  await setUp.open();
  expect(setUp.dataset.report.value?.name).toBe('rows');
  expect(failures.of('device').value?.code).toBe('self-test-failed'); // no run starts: whyNotStart asks for it first
});

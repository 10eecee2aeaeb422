/** What --dataset may name, as the page or this process is told. */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { datasetInput, modelInput } from '../../../scripts/cli/inputs.ts';
import { tempFolder, writeFiles } from '../../support/temp-folder.ts';

const served = (name: string): unknown => datasetInput(name, { url: 'http://hub', token: 'hf_x' }).served;
const hub = { kind: 'hub', id: 'o/n.1', hubUrl: 'http://hub', token: 'hf_x' };

test.each([
  ['hf://datasets/o/n.1', hub],
  ['hf://datasets/o/n.1/', hub],
  ['hf://datasets/o/n.1@v2', { ...hub, revision: 'v2' }],
  ['hf://datasets/o/n.1/data/train-*-of-00002.parquet', { ...hub, path: 'data/train-*-of-00002.parquet' }],
  [
    'hf://datasets/o/n.1@refs%2Fconvert%2Fparquet/default/train',
    { ...hub, revision: 'refs/convert/parquet', path: 'default/train' },
  ],
  ['alttrain-1k', { kind: 'builtin', name: 'alttrain-1k' }],
])('%s', (name, expected) => {
  expect(served(name)).toEqual(expected);
});

// A path that is not there is more likely a slip than a dataset of the hub, so it never leaves this machine.
test.each(['o/n', 'data/mine.jsonl', 'hf://datasets/o', 'hf://o/n', 'hf://datasets/o/n@a b'])(
  '%s is refused',
  (name) => {
    expect(() => served(name)).toThrowError(expect.objectContaining({ code: 'dataset-unreadable' }));
  },
);

test('an empty token is none, and an address of the hub has to be one', () => {
  const { served: open } = datasetInput('hf://datasets/o/n', { url: null, token: ' ' });
  expect(open).toEqual({ kind: 'hub', id: 'o/n' });
  expect(() => datasetInput('hf://datasets/o/n', { url: 'hub', token: undefined })).toThrowError(
    expect.objectContaining({ code: 'config-invalid' }),
  );
});

test('a model folder with a link out of it is refused by that name, and a snapshot of the hub’s cache is none', () => {
  const root = writeFiles(tempFolder(), {
    'model/config.json': '{}',
    'model/tokenizer.json': '{}',
    'elsewhere.safetensors': 'x',
    'models--o--n/blobs/1': '{}',
    'models--o--n/snapshots/c0ffee/.keep': '',
  });
  symlinkSync('../elsewhere.safetensors', join(root, 'model/model.safetensors'));
  expect(() => modelInput(join(root, 'model'))).toThrowError(
    expect.objectContaining({
      code: 'model-file-invalid',
      message: expect.stringContaining('model.safetensors in') as string,
    }),
  );
  const snapshot = join(root, 'models--o--n/snapshots/c0ffee');
  for (const name of ['config.json', 'tokenizer.json', 'model.safetensors'])
    symlinkSync('../../blobs/1', join(snapshot, name));
  expect(modelInput(snapshot).served).toMatchObject({ kind: 'url', name: 'c0ffee' });
});

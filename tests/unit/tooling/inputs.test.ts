/** What --dataset may name, as the page or this process is told. */
import { expect, test } from 'vitest';
import { datasetInput } from '../../../scripts/cli/inputs.ts';

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

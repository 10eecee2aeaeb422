// A sample of `npm run proof:fuzz`: damaged files of every kind end in a success or a code. Cases that were faults come first.
import { expect, test } from 'vitest';
import { readSeeds } from '../../../scripts/proofs/fuzz/read-seeds.ts';
import { kinds } from '../../../scripts/proofs/fuzz/kinds.ts';
import { filesOf, runCase } from '../../../scripts/proofs/fuzz/run-case.ts';

const seeds = readSeeds();

test('the same seed and number make the same files, of each kind', () => {
  for (let number = 0; number < kinds.length; number++) {
    const [first, second] = [0, 0].map(() => filesOf({ seed: 3, number }, seeds));
    expect(first).toEqual(second);
  }
  expect(filesOf({ seed: 3, number: 0 }, seeds)).not.toEqual(filesOf({ seed: 4, number: 0 }, seeds));
});

test('120 of them are read, or refused with a code', async () => {
  const outcomes = [];
  for (let number = 0; number < 120; number++) outcomes.push(await runCase({ seed: 1, number }, seeds));
  expect(outcomes.filter(({ fault }) => fault !== null)).toEqual([]);
  const results = new Set(outcomes.map(({ result }) => result));
  for (const result of [
    'success',
    'model-file-invalid',
    'model-unsupported',
    'adapter-invalid',
    'checkpoint-invalid',
    'dataset-unreadable',
  ])
    expect(results).toContain(result);
});

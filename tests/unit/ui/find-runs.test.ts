import { expect, test } from 'vitest';
import { isFound } from '../../../src/ui/find-runs.ts';

const run = {
  title: 'Tuesday',
  notes: 'higher rate\nsecond line',
  model: { name: 'demo', base: { nameOrPath: 'demo', revision: null } },
  dataset: { name: 'alttrain-1k' },
} as unknown as Parameters<typeof isFound>[0];

test.each([
  ['', true],
  ['  ', true],
  ['tues', true],
  ['DEMO alttrain', true],
  ['second rate', true],
  ['demo wednesday', false],
])('"%s": %s', (sought, isThere) => {
  expect(isFound(run, sought)).toBe(isThere);
});

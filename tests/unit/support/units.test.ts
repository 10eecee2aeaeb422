import { expect, test } from 'vitest';
import { percentOf } from '../../../src/support/units.ts';

test.each([
  [0, '0 %'],
  [1e-6, 'under 0.1 %'],
  [0.0054, '0.5 %'],
  [0.5, '50 %'],
  [1 / 3, '33.3 %'],
  [0.99996, 'over 99.9 %'],
  [1, '100 %'],
])('a share of %d is neither hidden nor rounded up to all: %s', (share, text) => {
  expect(percentOf(share)).toBe(text);
});

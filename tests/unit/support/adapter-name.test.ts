/** What the page and the kernels' choice make of an adapter's own words. */
import { expect, test } from 'vitest';
import { describeAdapter } from '../../../src/support/adapter-name.ts';

const silent = { vendor: '', architecture: '', device: '', description: '' };

test('an adapter with a name is called by it, and software by its name', () => {
  const card = { ...silent, vendor: 'nvidia', architecture: 'ada' };
  expect(describeAdapter(card)).toEqual({ name: 'nvidia ada', isSoftware: false });
  const software = { ...silent, vendor: 'google', architecture: 'swiftshader' };
  expect(describeAdapter(software)).toEqual({ name: 'google swiftshader', isSoftware: true });
});

test('an adapter without a name is software only where it says that it is the fallback', () => {
  // Firefox 153 says no more than this of any GPU, and isFallbackAdapter of lavapipe
  expect(describeAdapter({ ...silent, isFallbackAdapter: true })).toEqual({
    name: 'software GPU without a name',
    isSoftware: true,
  });
  expect(describeAdapter({ ...silent, isFallbackAdapter: false })).toEqual({
    name: 'GPU without a name',
    isSoftware: false,
  });
  expect(describeAdapter(silent).isSoftware).toBe(false);
});

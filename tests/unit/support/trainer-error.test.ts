import { expect, test } from 'vitest';
import { toWire } from '../../../src/support/trainer-error.ts';

test.each([
  'Failed to fetch', // Chrome
  'Failed to fetch dynamically imported module: http://127.0.0.1/assets/a.js',
  'NetworkError when attempting to fetch resource.', // Firefox
  'Load failed', // Safari
  'fetch failed', // Node
])('“%s” is the network’s fault, said in words and with what the browser said as detail', (message) => {
  expect(toWire(new TypeError(message))).toEqual({
    code: 'network-failed',
    message: expect.stringContaining('did not answer') as string,
    detail: message,
  });
});

test.each([
  new TypeError('x is not a function'),
  new TypeError('Load failed to be a function'),
  new Error('Failed to fetch'), // of somebody else's making
])('%s is a fault of the program', (error) => expect(toWire(error).code).toBe('internal'));

import { describe, expect, test } from 'vitest';
import { parseBenchArgs } from '../../../scripts/cli/bench-args.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';

describe('the command line of bench', () => {
  test('without arguments it measures the kernels', () => {
    expect(parseBenchArgs([])).toMatchObject({
      host: 'auto',
      settings: { suite: 'kernels', only: [], rounds: 3 },
    });
  });
  test('--only is a list of words, numbers are read', () => {
    const argv = ['step', '--only', ' demo  T ', '--budget', '9.5', '--rounds', '5', '--json'];
    expect(parseBenchArgs(argv).settings).toEqual({
      suite: 'step',
      only: ['demo', 'T'],
      budgetSeconds: 9.5,
      rounds: 5,
      sampleMs: 100,
    });
  });
  test('peers need a browser, whatever a machine has', () => {
    expect(parseBenchArgs(['peers']).host).toBe('browser');
  });
  test.each([
    [['speed']],
    [['kernels', 'step']],
    [['--rounds', '0']],
    [['--rounds', '1.5']],
    [['--budget', 'long']],
    [['--sample-ms=']],
    [['--fast']],
    [['--host', 'cloud']],
    [['peers', '--host', 'node']], // other libraries need a browser
  ])('%j is refused with config-invalid', (argv) => {
    let code = 'accepted';
    try {
      parseBenchArgs(argv);
    } catch (error) {
      code = error instanceof TrainerError ? error.code : 'another error';
    }
    expect(code).toBe('config-invalid');
  });
});

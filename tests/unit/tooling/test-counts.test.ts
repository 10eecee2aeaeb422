import { describe, expect, test } from 'vitest';
import { countsOf, summary } from '../../../scripts/cli/test-counts.ts';

const report = (passed: number, failed: number, pending = 0, brokenFiles = 0) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: pending,
  numTodoTests: 0,
  testResults: Array.from({ length: brokenFiles }, () => file([], 'cannot be loaded\nat line 3')),
});
const file = (statuses: readonly string[], message = '') => ({
  name: `${process.cwd()}/tests/a.test.ts`,
  status: 'failed',
  message,
  assertionResults: statuses.map((status, i) => ({
    status,
    fullName: `test ${i}`,
    failureMessages: status === 'failed' ? ['Error: 1 is not 2\n    at a.test.ts:5'] : [],
  })),
});

describe('the count at the end of npm test', () => {
  test('a clean project counts its tests', () => {
    expect(countsOf(report(5, 0, 2), 0, false)).toEqual({ passed: 5, failed: 0, skipped: 2, failures: [] });
  });
  test('a project without a test fails', () => {
    expect(countsOf(report(0, 0), 0, false).failed).toBe(1);
    expect(countsOf(report(0, 0), 0, true).failed).toBe(0);
  });
  test('a file that cannot be loaded fails', () => {
    expect(countsOf(report(5, 0, 0, 1), 1, false)).toEqual({
      passed: 5,
      failed: 1,
      skipped: 0,
      failures: ['tests/a.test.ts > the file: cannot be loaded'],
    });
  });
  test('a file whose set-up fails counts, beside the failed tests of other files', () => {
    const testResults = [file(['skipped'], 'no GPU'), file(['failed', 'passed'])];
    expect(countsOf({ ...report(1, 1, 1), testResults }, 1, false)).toEqual({
      passed: 1,
      failed: 2,
      skipped: 1,
      failures: ['tests/a.test.ts > test 0: Error: 1 is not 2', 'tests/a.test.ts > the file: no GPU'],
    });
  });
  test('an error outside every test fails', () => {
    expect(countsOf(report(5, 0), 1, false).failed).toBe(1);
  });
  test('skipped tests are named only when there are some', () => {
    expect(summary({ passed: 3, failed: 0, skipped: 0, failures: [] })).toBe('3 passed, 0 failed');
    expect(summary({ passed: 3, failed: 1, skipped: 2, failures: [] })).toBe('3 passed, 1 failed, 2 skipped');
  });
});

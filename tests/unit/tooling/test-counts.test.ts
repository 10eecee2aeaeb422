import { describe, expect, test } from 'vitest';
import { countsOf, summary } from '../../../scripts/cli/test-counts.ts';

const report = (passed: number, failed: number, pending = 0, brokenFiles = 0) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: pending,
  numTodoTests: 0,
  testResults: Array.from({ length: brokenFiles }, () => ({ status: 'failed', assertionResults: [] })),
});

describe('the count at the end of npm test', () => {
  test('a clean project counts its tests', () => {
    expect(countsOf(report(5, 0, 2), 0, false)).toEqual({ passed: 5, failed: 0, skipped: 2 });
  });
  test('a project without a test fails', () => {
    expect(countsOf(report(0, 0), 0, false).failed).toBe(1);
    expect(countsOf(report(0, 0), 0, true).failed).toBe(0);
  });
  test('a file that cannot be loaded fails', () => {
    expect(countsOf(report(5, 0, 0, 1), 1, false)).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });
  test('a file whose set-up fails counts, beside the failed tests of other files', () => {
    const setUpFailed = { status: 'failed', assertionResults: [{ status: 'skipped' }] };
    const testFailed = { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] };
    const counts = countsOf({ ...report(1, 1, 1), testResults: [setUpFailed, testFailed] }, 1, false);
    expect(counts).toEqual({ passed: 1, failed: 2, skipped: 1 });
  });
  test('an error outside every test fails', () => {
    expect(countsOf(report(5, 0), 1, false).failed).toBe(1);
  });
  test('skipped tests are named only when there are some', () => {
    expect(summary({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(summary({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });
});

/** Adds up what vitest's JSON reporter says about a project. */
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed, with the reason's first line: the end of a long output is all that some logs keep. */
  readonly failures: readonly string[];
}

export const noTests: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
  };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string; // of the file
    readonly status: string;
    readonly message: string; // of a file that could not be loaded
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** A file that could not be loaded, or whose set-up failed, has no failed test in the report: it counts as one. */
export function countsOf(report: VitestReport, exitCode: number, mayBeEmpty: boolean): Counts {
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  );
  const failedTests = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => failureLine(name, fullName, failureMessages[0])),
  );
  const counts: Counts = {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: [
      ...failedTests,
      ...brokenFiles.map(({ name, message }) => failureLine(name, 'the file', message)),
    ],
  };
  if (counts.passed + counts.failed === 0 && !mayBeEmpty) return withFailure(counts, 'no test ran');
  if (exitCode !== 0 && counts.failed === 0) return withFailure(counts, 'failed outside of a test');
  return counts;
}

const failureLine = (file: string, test: string, message = ''): string =>
  `${relative(process.cwd(), file)} > ${test}: ${message.split('\n')[0] ?? ''}`;

const withFailure = (counts: Counts, what: string): Counts => ({
  ...counts,
  failed: counts.failed + 1,
  failures: [...counts.failures, what],
});

export function readCounts(reportPath: string, exitCode: number, mayBeEmpty: boolean): Counts {
  if (!existsSync(reportPath))
    return mayBeEmpty && exitCode === 0 ? noTests : withFailure(noTests, 'ended without a report');
  return countsOf(JSON.parse(readFileSync(reportPath, 'utf8')) as VitestReport, exitCode, mayBeEmpty);
}

export function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

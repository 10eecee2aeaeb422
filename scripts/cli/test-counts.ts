/** Adds up what vitest's JSON reporter says about a project. */
import { existsSync, readFileSync } from 'node:fs';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const noTests: Counts = { passed: 0, failed: 0, skipped: 0 };

export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** A file that could not be loaded, or whose set-up failed, has no failed test in the report: it counts as one. */
export function countsOf(report: VitestReport, exitCode: number, mayBeEmpty: boolean): Counts {
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  ).length;
  const counts: Counts = {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles,
    skipped: report.numPendingTests + report.numTodoTests,
  };
  const isEmpty = counts.passed + counts.failed === 0 && !mayBeEmpty;
  const failedOtherwise = exitCode !== 0 && counts.failed === 0; // e.g. an unhandled rejection
  return isEmpty || failedOtherwise ? { ...counts, failed: counts.failed + 1 } : counts;
}

export function readCounts(reportPath: string, exitCode: number, mayBeEmpty: boolean): Counts {
  if (!existsSync(reportPath)) return mayBeEmpty && exitCode === 0 ? noTests : { ...noTests, failed: 1 };
  return countsOf(JSON.parse(readFileSync(reportPath, 'utf8')) as VitestReport, exitCode, mayBeEmpty);
}

export function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * Times the tasks of the page's main thread with Chromium's own tracing. Processor time is what counts here: on a machine
 * whose cores are taken by a software GPU, any task also waits for a core, and that says nothing about the page.
 */
import type { Browser, Page } from 'playwright-core';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number; // µs, wall clock
  readonly tdur?: number; // µs, processor
  readonly args: { readonly name?: string };
}

export interface TaskTimes {
  readonly taskCount: number;
  readonly worstCpuMs: number;
  readonly worstWallMs: number;
}

/** Runs `during` and gives the longest main-thread task of it. */
export async function timeMainThread(
  browser: Browser,
  page: Page,
  during: () => Promise<void>,
): Promise<TaskTimes> {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
  let trace: Buffer;
  try {
    await during();
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
  const mainThreads = new Set(
    traceEvents.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map(thread),
  );
  const tasks = traceEvents.filter(
    (e) => e.ph === 'X' && e.name.endsWith('RunTask') && e.tdur !== undefined && mainThreads.has(thread(e)),
  );
  const worst = (times: number[]): number => times.reduce((a, b) => Math.max(a, b), 0) / 1000;
  return {
    taskCount: tasks.length,
    worstCpuMs: worst(tasks.map((task) => task.tdur ?? 0)),
    worstWallMs: worst(tasks.map((task) => task.dur ?? 0)),
  };
}

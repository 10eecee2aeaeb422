/** Notes what goes wrong in a page and its workers without anybody catching it. */
import type { Page } from 'playwright-core';

export interface PageFaults {
  readonly all: readonly string[];
  /** Resolves with the first fault; never rejects. */
  readonly first: Promise<string>;
}

/** A missing optional file of a model is asked for and answered with 404; whoever asked deals with it. */
const isRefusedRequest = (text: string): boolean => text.startsWith('Failed to load resource');

export function watchPage(page: Page): PageFaults {
  const all: string[] = [];
  let announce: (fault: string) => void = () => undefined;
  const first = new Promise<string>((resolve) => (announce = resolve));
  const note = (fault: string): void => {
    all.push(fault);
    announce(fault);
  };
  page.on('pageerror', (error) => note(`uncaught error: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' || isRefusedRequest(message.text())) return;
    note(`console error: ${message.text()} (${message.location().url})`);
  });
  page.on('crash', () => note('the page crashed'));
  return { all, first };
}

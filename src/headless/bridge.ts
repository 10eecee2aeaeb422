/**
 * The page without a page: `/?headless` gives scripts the same worker that the page uses. Inputs are read from addresses
 * served beside the page; results go back with PUT.
 */
import type { TrainerApi } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { headlessCommands, type Desk, type HeadlessCommands, type HeadlessEvent } from './commands.ts';

declare global {
  var altTrainHeadless: HeadlessCommands | undefined;
  /** Put there by the script that drives the page. */
  var altTrainEvent: ((event: HeadlessEvent) => Promise<void>) | undefined;
}

/** Where the page's server takes results. */
export const outPrefix = 'local/out';

export function startHeadlessBridge(client: TrainerApi, outUrl = `/${outPrefix}`): void {
  globalThis.altTrainHeadless = headlessCommands(client, servedDesk(outUrl));
}

function servedDesk(outUrl: string): Desk {
  return {
    read: fetchBlob,
    put: (name, content) => put(`${outUrl}/${name}`, content as BodyInit),
    tell: (event) => globalThis.altTrainEvent?.(event),
  };
}

const INSUFFICIENT_STORAGE = 507;

async function put(url: string, body: BodyInit): Promise<void> {
  const response = await fetch(url, { method: 'PUT', body });
  if (response.ok) return;
  const code = response.status === INSUFFICIENT_STORAGE ? 'storage-full' : 'internal';
  throw new TrainerError(code, (await response.text()).trim());
}

async function fetchBlob(url: string): Promise<Blob> {
  const response = await fetch(url);
  if (response.ok) return response.blob();
  throw new TrainerError('internal', `${url} answered ${response.status}.`);
}

/** The hub's stand-in for tests in the browser: started and told what to do from there, run by vitest in Node. */
import { readdirSync, readFileSync } from 'node:fs';
import type { BrowserCommand } from 'vitest/node';
import {
  startHubServer,
  type HubFault,
  type HubRepo,
  type HubRequest,
  type HubServer,
} from './hub-server.ts';

export interface ServedModel {
  readonly id: string;
  readonly golden: string; // folder of tests/fixtures/goldens
  readonly token?: string;
}

export function goldenRepo({ golden, ...repo }: ServedModel): HubRepo {
  const folder = new URL(`../fixtures/goldens/${golden}/model/`, import.meta.url);
  const names = readdirSync(folder);
  return {
    ...repo,
    files: Object.fromEntries(names.map((name) => [name, readFileSync(new URL(name, folder))])),
  };
}

let server: HubServer | null = null;
const running = (): HubServer => {
  if (server === null) throw new Error('startHub first');
  return server;
};

const startHub: BrowserCommand<[models: readonly ServedModel[]]> = async (_, models) => {
  await server?.close();
  server = await startHubServer(models.map(goldenRepo));
  return server.url;
};
const stopHub: BrowserCommand<[]> = async () => {
  await server?.close();
  server = null;
};
const setHubFaults: BrowserCommand<[faults: readonly HubFault[]]> = (_, faults) =>
  running().setFaults(faults);
/** Since the last call. */
const takeHubRequests: BrowserCommand<[]> = () => {
  const requests = [...running().requests];
  running().clear();
  return requests;
};

export const hubCommands = { startHub, stopHub, setHubFaults, takeHubRequests };

declare module 'vitest/browser' {
  interface BrowserCommands {
    startHub(models: readonly ServedModel[]): Promise<string>;
    stopHub(): Promise<void>;
    setHubFaults(faults: readonly HubFault[]): Promise<void>;
    takeHubRequests(): Promise<HubRequest[]>;
  }
}

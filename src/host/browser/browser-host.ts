/** The browser as a host, for a worker or a page: navigator's GPU, fetch, the private file system, IndexedDB. */
import { createStore, get, set } from 'idb-keyval';
import { urlSource } from '../../support/byte-source.ts';
import type { Assets, Host, NoteStore } from '../host.ts';
import { openPrivateFolders, privateRoomFor } from './private-folders.ts';

/** `appBaseUrl`: where the page's public files are; the embedded demo lies in models/demo/ below it. */
export function browserHost(appBaseUrl: string, gpu: GPU | undefined = navigator.gpu): Host {
  return {
    gpu,
    gpuAdvice:
      'Use a current Chrome, Edge, Safari 26 or Firefox 141 or later with hardware acceleration switched on; chrome://gpu says whether WebGPU is available.',
    assets: fetchedAssets(appBaseUrl),
    openStore: openPrivateFolders,
    roomFor: privateRoomFor,
    notes: notesInIndexedDb(),
    nowMs: () => performance.now(),
  };
}

/** Addresses are those of the app, or whole ones. */
export function fetchedAssets(appBaseUrl: string): Assets {
  const urlOf = (address: string): string => new URL(address, appBaseUrl).href;
  // Some servers answer a missing file with their start page instead of a 404.
  const isFile = (response: Response): boolean =>
    response.ok && !(response.headers.get('content-type') ?? '').includes('text/html');
  return {
    async open(address) {
      const url = urlOf(address);
      return isFile(await fetch(url, { method: 'HEAD' })) ? urlSource(url) : null;
    },
    async blob(address) {
      const response = await fetch(urlOf(address)); // without a connection it fails: that is no missing file
      return isFile(response) ? response.blob() : null;
    },
  };
}

function notesInIndexedDb(): NoteStore | null {
  if (typeof indexedDB === 'undefined') return null;
  const store = createStore('alttrain', 'tuning');
  return {
    read: async (key) => (await get<string>(key, store)) ?? null,
    write: (key, value) => set(key, value, store),
  };
}

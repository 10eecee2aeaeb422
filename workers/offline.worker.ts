/**
 * The service worker: the page, its workers and the demo without a network, from the first visit on.
 *
 * A version of the page is one cache, filled as a whole and checked byte for byte before it is used; it is used as a whole, so
 * that no page meets the parts of another version. A version that is broken or half uploaded never takes the place of the one
 * before. The next one waits until nobody has the page open, or until the user asks for it.
 */

/** Written by the build (scripts/vite/offline.ts): SHA-256 by path; the page itself is "./". */
declare const OFFLINE_FILES: Readonly<Record<string, string>>;
declare const OFFLINE_VERSION: string;

/** What is used of a service worker's scope: the types of workers and of pages do not go together in one program. */
interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Asked extends Lasting {
  readonly request: Request;
  readonly clientId: string;
  respondWith(answer: Promise<Response>): void;
}
interface Told extends Lasting {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
}
interface Client {
  readonly url: string;
}
interface OfflineScope {
  readonly registration: { readonly scope: string };
  readonly clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: true }): Promise<readonly Client[]>;
    get(id: string): Promise<Client | undefined>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(name: 'install' | 'activate', listener: (event: Lasting) => void): void;
  addEventListener(name: 'fetch', listener: (event: Asked) => void): void;
  addEventListener(name: 'message', listener: (event: Told) => void): void;
}
const worker = globalThis as unknown as OfflineScope;

const { scope } = worker.registration;
/** Other pages of the same origin have caches of their own. */
const prefix = `alttrain ${scope} `;
const cacheName = prefix + OFFLINE_VERSION;

async function fill(): Promise<void> {
  const cache = await caches.open(cacheName);
  await Promise.all(
    Object.entries(OFFLINE_FILES).map(async ([path, integrity]) => {
      const address = new URL(path, scope).href;
      // With other bytes than those of the build it is an error, as without an answer.
      const answer = await fetch(address, { integrity, cache: 'no-cache' });
      if (!answer.ok || answer.redirected) throw new Error(`${address}: ${answer.status}`);
      await cache.put(address, answer);
    }),
  );
}

worker.addEventListener('install', (event) =>
  event.waitUntil(
    fill().catch(async (error: unknown) => {
      await caches.delete(cacheName);
      throw error;
    }),
  ),
);

worker.addEventListener('activate', (event) =>
  event.waitUntil(
    caches
      .keys()
      .then((names) =>
        Promise.all(
          names
            .filter((name) => name.startsWith(prefix) && name !== cacheName)
            .map((name) => caches.delete(name)),
        ),
      ),
  ),
);

/** The page asks with a port to answer on. */
worker.addEventListener('message', (event) => {
  if (event.data !== 'use this version') return;
  event.waitUntil(
    worker.clients.matchAll({ type: 'window', includeUncontrolled: true }).then(async (windows) => {
      // Another window may be training, and still load parts of its own version.
      const mayChange = windows.filter(({ url }) => url.startsWith(scope)).length <= 1;
      event.ports[0]?.postMessage(mayChange);
      if (mayChange) await worker.skipWaiting();
    }),
  );
});

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);
/** What lies in them is known: a file that is not listed there is none, and needs no network to be none. */
const folders = new Set(Object.keys(OFFLINE_FILES).map(folderOf));
for (const shared of ['', './']) folders.delete(shared); // a server may have other things beside the page

/** Whose bytes are asked for; null: nothing of ours. */
function pathOf({ url, method, mode }: Request): string | null {
  if (method !== 'GET' && method !== 'HEAD') return null;
  const { origin, pathname } = new URL(url);
  const address = origin + pathname;
  if (!address.startsWith(scope)) return null;
  const path = address.slice(scope.length);
  if (mode === 'navigate' && (path === '' || path === 'index.html')) return './';
  return Object.hasOwn(OFFLINE_FILES, path) || folders.has(folderOf(path)) ? path : null;
}

/** A page that names a hub of its own has its server's word on what it may connect to, which may be another each time. */
async function hasOwnHub({ request, clientId }: Asked): Promise<boolean> {
  const asker = request.mode === 'navigate' ? request.url : (await worker.clients.get(clientId))?.url;
  return asker !== undefined && new URL(asker).searchParams.has('hub');
}

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const path = pathOf(request);
  if (path === null) return;
  event.respondWith(
    hasOwnHub(event).then(async (isOwn) => {
      if (isOwn) return fetch(request);
      if (!Object.hasOwn(OFFLINE_FILES, path)) return new Response(null, { status: 404 });
      const kept = await caches.match(new URL(path, scope).href, { cacheName });
      if (kept === undefined) return fetch(request); // the browser has thrown it away
      return request.method === 'HEAD' ? new Response(null, kept) : kept;
    }),
  );
});

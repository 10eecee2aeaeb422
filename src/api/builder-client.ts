/** The page's end of the builder's worker. It is started with the first call: most visits never need it. */
import * as comlink from 'comlink';
import type { BuilderApi } from './builder-api.ts';
import { installErrorTransport } from './trainer-transport.ts';
import { watchWorker } from './call-guard.ts';

export function createBuilderClient(): BuilderApi {
  let started: ReturnType<typeof start> | null = null;
  const call = <T>(ask: (remote: comlink.Remote<BuilderApi>) => Promise<T>): Promise<T> => {
    started ??= start();
    const { remote, guard } = started;
    return guard(() => ask(remote));
  };
  return {
    describe: () => call((remote) => remote.describe()),
    addSource: (role, name, file) => call((remote) => remote.addSource(role, name, file)),
    removeSource: (id) => call((remote) => remote.removeSource(id)),
    mostRows: (options) => call((remote) => remote.mostRows(options)),
    questions: (what, options, written) => call((remote) => remote.questions(what, options, written)),
    build: (options, written) => call((remote) => remote.build(options, written)),
    edited: (row, instruction, response) => call((remote) => remote.edited(row, instruction, response)),
    toJsonl: (rows) => call((remote) => remote.toJsonl(rows)),
  };
}

function start() {
  installErrorTransport();
  const worker = new Worker(new URL('../../workers/builder.worker.ts', import.meta.url), { type: 'module' });
  return { remote: comlink.wrap<BuilderApi>(worker), ...watchWorker(worker, 'builder') };
}

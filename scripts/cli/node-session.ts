/** The trainer in a thread of this process, on Dawn: no browser, no server. */
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { headlessCommands, type Desk } from '../../src/headless/commands.ts';
import { cacheFolder } from '../../src/host/node/cache-folder.ts';
import { pathOf } from '../../src/host/node/node-host.ts';
import { ensureNode } from './build.ts';
import { startNodeTrainer } from './node-trainer.ts';
import { publicFolder } from './paths.ts';
import type { Session, SessionOptions } from './session.ts';
import { putFile } from './take-file.ts';

export async function openNodeSession(options: SessionOptions): Promise<Session> {
  const { mounts, onEvent, say } = options;
  await ensureNode({ say });
  const trainer = startNodeTrainer({ publicFolder, mounts, cacheFolder: cacheFolder() });
  const host = `Node ${process.versions.node}, Dawn`;
  const commands = headlessCommands(trainer.client, {
    ...diskDesk(options),
    tell: (event) => onEvent(event.kind === 'device' ? { ...event, host } : event),
  });
  return { ...commands, close: () => trainer.close() };
}

function diskDesk({ mounts, out }: SessionOptions): Omit<Desk, 'tell'> {
  return {
    async read(address) {
      const path = pathOf(address, publicFolder, mounts);
      if (path !== null) return new Blob([await readFile(path)]); // a Blob of a file cannot go to another thread
      throw new TrainerError('internal', `${address} is not to be read here.`);
    },
    async put(name, content) {
      if (out === undefined || !out.names.includes(name))
        throw new TrainerError('internal', `"${name}" is not expected here`);
      const place = { folder: out.path, name };
      const stream =
        content instanceof Blob
          ? Readable.fromWeb(content.stream() as ReadableStream)
          : Readable.from([content]);
      await putFile(place, stream);
    },
  };
}

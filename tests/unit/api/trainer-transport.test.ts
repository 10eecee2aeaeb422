/** Errors through a real comlink channel, as between page and worker. */
import * as comlink from 'comlink';
import { afterEach, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { installErrorTransport } from '../../../src/api/trainer-transport.ts';

let channel: MessageChannel;
afterEach(() => channel.port1.close());

function connect<T extends object>(service: T): comlink.Remote<T> {
  installErrorTransport();
  channel = new MessageChannel();
  comlink.expose(service, channel.port2);
  return comlink.wrap<T>(channel.port1);
}

test('code and detail of an error arrive on the other side', async () => {
  const remote = connect({
    read: () => Promise.reject(new TrainerError('dataset-empty', 'No usable row.', 'line 1: row-shape')),
  });
  const error = await Promise.resolve(remote.read()).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(TrainerError);
  expect(error).toMatchObject({
    code: 'dataset-empty',
    message: 'No usable row.',
    detail: 'line 1: row-shape',
  });
});

test('any other error arrives as "internal", with its stack as detail', async () => {
  const remote = connect({
    read: (): void => {
      throw new RangeError('too far');
    },
  });
  const error = await Promise.resolve(remote.read()).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'internal', message: 'too far' });
  expect((error as TrainerError).detail).toContain('RangeError');
});

test('a result that holds an error as a value is no failure', async () => {
  const remote = connect({ read: () => ({ error: { code: 'busy' } }) });
  expect(await remote.read()).toEqual({ error: { code: 'busy' } });
});

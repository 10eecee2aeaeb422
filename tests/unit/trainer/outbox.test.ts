// Large results leave as files of the store, which do not pile up there.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { Room } from '../../../src/host/host.ts';
import { openDiskFolders } from '../../../src/host/node/disk-folders.ts';
import { Outbox } from '../../../src/trainer/outbox.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const large = 65 * 2 ** 20;
let root: string;
beforeEach(() => {
  root = tempFolder();
});
const folders = (): string[] => readdirSync(join(root, 'entries')).sort();
const outboxWith = (room: Room = { fits: true, bytes: null }): Outbox =>
  new Outbox({ openStore: () => openDiskFolders(root), roomFor: () => Promise.resolve(room) });

async function* pieces(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text));
}

test('what is given away is a file of the store, of its type', async () => {
  const parcel = await outboxWith().begin(large);
  const blob = await parcel.add(pieces('one ', 'two'), 'application/zip');
  expect([await blob.text(), blob.type]).toEqual(['one two', 'application/zip']);
  expect(readdirSync(join(root, 'entries', folders()[0]))).toEqual(['0']);
  await parcel.discard();
  expect(folders()).toEqual([]);
});

test('a small result takes no file', async () => {
  const parcel = await outboxWith().begin(1000);
  expect(await (await parcel.add(pieces('small'))).text()).toBe('small');
  expect(readdirSync(root)).toEqual([]);
});

test('the last two stay, since a browser may be copying the one before', async () => {
  const outbox = outboxWith();
  const made: Blob[] = [];
  for (const text of ['a', 'b', 'c']) made.push(await (await outbox.begin(large)).add(pieces(text)));
  expect(folders().length).toBe(2);
  expect([await made[1].text(), await made[2].text()]).toEqual(['b', 'c']);
});

test('what a trainer that has ended left is swept away, what another holds is not', async () => {
  const store = await openDiskFolders(root);
  await store.create('left');
  await store.write('left', '0', new Uint8Array(10));
  const other = outboxWith();
  const held = await (await other.begin(large)).add(pieces('held'));
  await outboxWith().sweep();
  expect(folders()).not.toContain('left');
  expect(await held.text()).toBe('held');
});

test('a result whose making fails, or is cancelled, leaves nothing', async () => {
  const parcel = await outboxWith().begin(large);
  const failing = async function* (): AsyncIterable<Uint8Array> {
    yield* pieces('half');
    throw new RangeError('of the maker');
  };
  await expect(parcel.add(failing())).rejects.toMatchObject({
    detail: expect.stringContaining('of the maker') as string,
  });
  expect(folders()).toEqual([]);
});

test('where there is no room, that is said with the bytes before anything is written', async () => {
  await expect(outboxWith({ fits: false, bytes: 5e6 }).begin(large)).rejects.toMatchObject({
    code: 'storage-full',
    message: expect.stringMatching(/takes 68 MB .* room for 5\.0 MB.*npm run export/) as string,
  });
  expect(folders()).toEqual([]);
});

test('without storage the browser’s blobs take up to 1 GiB, and more is refused', async () => {
  const without = new Outbox({
    openStore: () => Promise.reject(new Error('private window')),
    roomFor: () => Promise.resolve({ fits: true, bytes: null }),
  });
  expect(await (await (await without.begin(large)).add(pieces('whole'))).text()).toBe('whole');
  await expect(without.begin(2 ** 30 + 1)).rejects.toMatchObject({
    code: 'storage-full',
    message: expect.stringContaining('gives this page no storage') as string,
  });
});

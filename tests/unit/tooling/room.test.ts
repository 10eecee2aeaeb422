import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { lackOfRoom } from '../../../scripts/cli/room.ts';

const run = { checkpointBytes: 30e6 };

test('a disk with room for three checkpoints and the adapter is not spoken of', () => {
  expect(lackOfRoom('/runs/a', run, () => 102e6)).toBeNull();
  expect(lackOfRoom('/runs/a', run, () => null)).toBeNull();
  expect(lackOfRoom(tmpdir(), { checkpointBytes: 1 })).toBeNull();
  expect(lackOfRoom('/no/such/folder', run)).toBeNull();
});

test('one with less is named before the run, with what is missing and what to do', () => {
  const said = lackOfRoom('/runs/a', run, () => 50e6);
  expect(said).toContain('up to 101.0 MB');
  expect(said).toContain('the disk of /runs/a has 50.0 MB left');
  expect(said).toContain('--out');
});

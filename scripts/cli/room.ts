/** Whether the folder of a run's results has room for them, asked before the run starts. */
import { statfsSync } from 'node:fs';

const otherBytes = 2 ** 20; // model card, settings, metrics

/** As a sentence what is missing; null: there is room, or nobody knows. `roomIn`: bytes that a folder's disk still takes. */
export function lackOfRoom(
  out: string,
  { checkpointBytes }: { readonly checkpointBytes: number },
  roomIn: (folder: string) => number | null = diskRoom,
): string | null {
  // Two checkpoints, the one that is written beside them, and the adapter, which is at most a third of one.
  const needed = Math.ceil((3 + 1 / 3) * checkpointBytes) + otherBytes;
  const room = roomIn(out);
  if (room === null || room >= needed) return null;
  return `There may be too little room: checkpoints and adapter take up to ${megabytes(needed)}, and the disk of ${out} has ${megabytes(room)} left. A checkpoint that finds no room is left out and said, and the one before stays. Make room, or name a folder on another disk with --out.`;
}

function diskRoom(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

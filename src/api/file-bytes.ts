/** The part of a Blob that is read. Not a Blob, because the size of Node 20's own for a file is wrong from 4 GiB on. */
export interface FileBytes {
  readonly size: number; // bytes
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

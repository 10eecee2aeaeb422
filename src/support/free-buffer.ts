/**
 * Gives the memory of a buffer back at once: a garbage collector comes for large buffers late, when some hundred megabytes of them lie
 * about. Nothing of it can be read any more. Where the platform does not know how (before 2023), the collector does it.
 */
export function freeBuffer(buffer: ArrayBufferLike): void {
  (buffer as { transfer?: (bytes: number) => ArrayBuffer }).transfer?.(0);
}

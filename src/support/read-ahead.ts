/** Reads what will be asked for next while the caller is busy with what it has. */

interface Piece {
  readonly name: string;
  readonly bytes: number;
}

/**
 * `read` for pieces that are asked for in the order of `pieces`, mostly: after each request the following ones are begun,
 * as long as no more than `aheadBytes` wait. A failure is thrown at the request for the piece that failed.
 */
export function readAhead(
  pieces: readonly Piece[],
  read: (name: string) => Promise<Uint8Array>,
  aheadBytes: number,
): (name: string) => Promise<Uint8Array> {
  const places = new Map(pieces.map(({ name }, place) => [name, place]));
  const begun = new Map<string, { readonly bytes: number; readonly content: Promise<Uint8Array> }>();
  const take = (name: string): Promise<Uint8Array> => {
    const known = begun.get(name)?.content;
    begun.delete(name);
    return known ?? read(name);
  };
  return (name) => {
    const wanted = take(name);
    let waiting = [...begun.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const piece of pieces.slice((places.get(name) ?? pieces.length) + 1)) {
      if (begun.has(piece.name)) continue;
      waiting += piece.bytes;
      if (waiting > aheadBytes) break;
      const content = read(piece.name);
      content.catch(() => undefined); // thrown where it is asked for
      begun.set(piece.name, { bytes: piece.bytes, content });
    }
    return wanted;
  };
}

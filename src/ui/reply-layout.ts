/** Which tokens stand in which part of a reply, and what of them is shown. */
import type { ReplyToken } from '../api/playground.ts';
import type { TracePart, TracePartKind } from '../api/trainer-api.ts';

export interface PlacedToken {
  readonly index: number; // in the reply
  readonly text: string; // as it is shown
}
export interface PlacedPart {
  readonly kind: TracePartKind;
  readonly tokens: readonly PlacedToken[];
}

/** A token belongs to the part of its first letter: the space between two sentences is written before the second. */
export function placeTokens(tokens: readonly ReplyToken[], parts: readonly TracePart[]): PlacedPart[] {
  const placed: PlacedPart[] = [];
  let t = 0;
  let start = 0; // characters before token t
  let end = 0; // of the part
  parts.forEach(({ kind, text }, p) => {
    const own: PlacedToken[] = [];
    end += text.length;
    const isLast = p === parts.length - 1;
    while (t < tokens.length && (isLast || start + leadingSpaces(tokens[t].text) < end)) {
      own.push({ index: t, text: tokens[t].text });
      start += tokens[t++].text.length;
    }
    placed.push({ kind, tokens: trimmed(own) });
  });
  return placed;
}

function leadingSpaces(text: string): number {
  const count = text.length - text.trimStart().length;
  return count === text.length ? 0 : count;
}

/** Lines that a part begins or ends with would be gaps on the page. */
function trimmed(tokens: readonly PlacedToken[]): PlacedToken[] {
  const shown = tokens.map((token) => ({ ...token }));
  for (const token of shown) {
    token.text = token.text.trimStart();
    if (token.text !== '') break;
  }
  for (const token of [...shown].reverse()) {
    token.text = token.text.trimEnd();
    if (token.text !== '') break;
  }
  return shown;
}

const visible: Readonly<Record<string, string>> = { '\n': '⏎', '\t': '⇥', ' ': '␣' };

/** A token by its name, with white space that can be seen. */
export const tokenName = (name: string): string =>
  name === ''
    ? '(nothing)'
    : name.replace(/^ +| +$|[\n\t]/g, (space) => [...space].map((one) => visible[one]).join(''));

/** LaTeX's \boxed{…}, braces inside it included, which a regular expression cannot match. */

/** What stands in the last \boxed{…} (or \fbox{…}) of a text; null where none is closed. */
export function lastBoxed(text: string): string | null {
  let found: string | null = null;
  for (const { 0: opening, index } of text.matchAll(/\\(?:boxed|fbox)\s*(?=\{)/g)) {
    const inside = groupAt(text, index + opening.length);
    if (inside !== null) found = inside;
  }
  if (found !== null) return found;
  // "\boxed 5": the one token after it
  const bare = [...text.matchAll(/\\(?:boxed|fbox)\s+([^\s{}$\\]+)/g)].at(-1)?.[1];
  return bare?.replace(/[.,;]+$/, '') ?? null;
}

/** The text between the brace at `start` and the one that closes it; null where it is not closed. */
export function groupAt(text: string, start: number): string | null {
  if (text[start] !== '{') return null;
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return text.slice(start + 1, i);
  }
  return null;
}

/** Rows longer than max_length: cut, cut into parts, or left out, as the user chose. Never silently. */

export const truncations = ['truncate', 'drop', 'split'] as const;
export type Truncation = (typeof truncations)[number];

export interface Masked {
  readonly ids: readonly number[];
  readonly isTarget: readonly number[]; // 0 or 1 for each id
  /** For each id, how much it counts where it is trained; absent: 1 everywhere. */
  readonly weights?: readonly number[];
}

/** The part of a row that becomes an example. */
export interface Window {
  readonly start: number; // token index
  readonly end: number; // exclusive
  readonly targetCount: number; // without its first token
  readonly truncated: boolean;
}

export function fitToLength(
  { ids, isTarget }: Masked,
  maxLength: number,
  truncation: Truncation,
): Window[] | { readonly code: 'row-no-target' | 'row-too-long'; readonly reason: string } {
  const isLong = ids.length > maxLength;
  if (isLong && truncation === 'drop')
    return { code: 'row-too-long', reason: `has ${ids.length} tokens, max_length is ${maxLength}` };
  const parts: Window[] = [];
  /** A part without a trained token is left out. */
  const add = (start: number, end: number, truncated: boolean): void => {
    let targetCount = 0;
    for (let t = start + 1; t < end; t++) targetCount += isTarget[t];
    if (targetCount > 0) parts.push({ start, end, targetCount, truncated });
  };
  if (isLong && truncation === 'split') {
    // A part starts with the last token of the one before, so that every target has a token to be predicted from.
    for (let start = 0; start < ids.length - 1; start += maxLength - 1)
      add(start, Math.min(start + maxLength, ids.length), false);
  } else add(0, Math.min(maxLength, ids.length), isLong);
  if (parts.length > 0) return parts;
  const promptLength = isTarget.indexOf(1) < 0 ? ids.length : isTarget.indexOf(1);
  return {
    code: 'row-no-target',
    reason: `leaves nothing to train on: its prompt has ${promptLength} tokens, max_length is ${maxLength}`,
  };
}

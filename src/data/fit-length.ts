/** Rows longer than max_length: cut, cut into parts, or left out, as the user chose. Never silently. */

export const truncations = ['truncate', 'drop', 'split'] as const;
export type Truncation = (typeof truncations)[number];

export interface Masked {
  readonly ids: readonly number[];
  readonly isTarget: readonly number[]; // 0 or 1 for each id
}

export interface FittedPart {
  readonly tokens: Int32Array;
  readonly isTarget: Uint8Array;
  readonly targetCount: number;
  readonly truncated: boolean;
}

export function fitToLength(
  { ids, isTarget }: Masked,
  maxLength: number,
  truncation: Truncation,
): FittedPart[] | { readonly code: 'row-no-target' | 'row-too-long'; readonly reason: string } {
  const isLong = ids.length > maxLength;
  if (isLong && truncation === 'drop')
    return { code: 'row-too-long', reason: `has ${ids.length} tokens, max_length is ${maxLength}` };
  const part = (start: number, end: number, truncated: boolean): FittedPart => {
    const own = Uint8Array.from(isTarget.slice(start, end));
    own[0] = 0;
    return {
      tokens: Int32Array.from(ids.slice(start, end)),
      isTarget: own,
      targetCount: own.reduce((sum, bit) => sum + bit, 0),
      truncated,
    };
  };
  const parts: FittedPart[] = [];
  if (isLong && truncation === 'split') {
    // A part starts with the last token of the one before, so that every target has a token to be predicted from.
    for (let start = 0; start < ids.length - 1; start += maxLength - 1)
      parts.push(part(start, start + maxLength, false));
  } else parts.push(part(0, maxLength, isLong));
  const trained = parts.filter(({ targetCount }) => targetCount > 0);
  if (trained.length > 0) return trained;
  const promptLength = isTarget.indexOf(1) < 0 ? ids.length : isTarget.indexOf(1);
  return {
    code: 'row-no-target',
    reason: `leaves nothing to train on: its prompt has ${promptLength} tokens, max_length is ${maxLength}`,
  };
}

import type { Lengths } from '../api/builder-api.ts';

/** Of no values: zeros. */
export function lengthsOf(values: readonly number[]): Lengths {
  if (values.length === 0) return { mean: 0, median: 0, max: 0 };
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    median: sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2,
    max: sorted[sorted.length - 1],
  };
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' });

/** Words between spaces; a text without spaces between its words (Chinese, Japanese) by Unicode's segmentation. */
export function countWords(text: string): number {
  if (!/[\u3040-\u30ff\u3400-\u9fff]/.test(text)) return text.match(/\S+/g)?.length ?? 0;
  let count = 0;
  for (const { isWordLike } of segmenter.segment(text)) if (isWordLike === true) count++;
  return count;
}

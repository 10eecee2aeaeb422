/** What the loaded model wrote, judged before it becomes part of a row. */
import type { HarmLabel } from '../api/builder-api.ts';
import { assess } from './assessment.ts';
import { countWords } from './lengths.ts';
import { traceTextOf } from './parts.ts';
import { splitSentences } from './sentences.ts';

const LONGEST_ASSESSMENT_WORDS = 60;

/** The first assessing sentence of a reply, where it agrees with the label; null otherwise. */
export function assessmentIn(reply: string, label: HarmLabel): string | null {
  const { thought, answer } = traceTextOf(reply);
  for (const sentence of splitSentences(answer.trim() === '' ? thought : answer)) {
    const found = assess(sentence);
    if (found === null) continue;
    if (found.verdict !== label || countWords(sentence) > LONGEST_ASSESSMENT_WORDS) return null;
    const text = sentence
      .replace(/^\s*(?:yes|no|okay|sure|so|well)\b[,.!]?\s*/i, '')
      .replace(/^[\s*_"'“>-]+|[\s*_"”]+$/g, '');
    return text.charAt(0).toUpperCase() + text.slice(1);
  }
  return null;
}

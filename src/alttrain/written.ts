/** What the loaded model wrote, judged before it becomes part of a row. */
import type { HarmLabel } from '../api/builder-api.ts';
import { assess } from './assessment.ts';
import { countWords } from './lengths.ts';
import { traceTextOf } from './parts.ts';
import { splitSentences } from './sentences.ts';

const LONGEST_ASSESSMENT_WORDS = 60;

/**
 * An assessing sentence of a reply, of the answer or else of the thought before it, one with a reason if there is one.
 * Null where there is none, or where the verdict the reply gives is not the label.
 */
export function assessmentIn(reply: string, label: HarmLabel): string | null {
  const { thought, answer } = traceTextOf(reply);
  const found = [...splitSentences(answer), ...splitSentences(thought)].flatMap((sentence) => {
    const assessment = assess(sentence);
    return assessment === null ? [] : [{ sentence, ...assessment }];
  });
  if (found.length === 0 || found[0].verdict !== label) return null;
  const fitting = found.filter(
    ({ sentence, verdict }) => verdict === label && countWords(sentence) <= LONGEST_ASSESSMENT_WORDS,
  );
  const best = fitting.find(({ hasReason }) => hasReason) ?? fitting.at(0);
  return best === undefined ? null : bare(best.sentence);
}

/** Without "Yes," and what a reply is wrapped in. */
function bare(sentence: string): string {
  const text = sentence
    .replace(/^[\s*_"'“>-]+|[\s*_"”]+$/g, '')
    .replace(/^(?:yes|no|okay|sure|so|well)\b[,.!]?\s*/i, '');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

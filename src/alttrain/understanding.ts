/**
 * Problem understanding (PU): the first sentence of a thought says again what is asked. An interjection before it
 * ("Okay." "Hmm.") belongs to it. Whether the first sentence is one is told by its words, not by its place alone:
 * a refusal, an assessment or a first step of the solution is none.
 */
import { assess } from './assessment.ts';
import { refusalPhrases } from './refusal-phrases.ts';
import { plain } from './plain.ts';
import { splitSentences } from './sentences.ts';

const speaksOfRequest =
  /\b(?:user(?:'s)?|question|query|request|prompt|asking|asks|asked)\b|\b(?:someone|they|this person) (?:wants?|needs? to know)\b|\bthe (?:problem|task|topic|scenario)\b/;
const setsTask =
  /\b(?:i|we)(?:'m| am| are|'re)? (?:need to|have to|have (?:a|this|the)|want to|trying to|supposed to|being asked)\b|^(?:so,? |okay,? |ok,? |alright,? |well,? )*(?:let's|let me) (?:see|look|figure|find|work|think|start|solve|understand)\b/;
const chineseRequest = /用户|提问|询问|请求|问题|题目|我需要|这道题|要求/;
/** An assessment speaks of the request; a sentence about what somebody wants is an understanding, even where it judges. */
const isAboutSomebody =
  /^(?:\W|(?:okay|ok|alright|so|well|hmm+|now|first)\b)*(?:the user|this user|someone|somebody|they|i|we)\b(?!')/;
const interjection =
  /^(?:okay|ok|alright|all right|hmm+|well|so|right|hm|wait|let me think|let's see|let me see|oh|ah|first)[\s.,!…]*$/;

const LONGEST_SENTENCE = 1000; // characters; a model that never ends its sentence must not stall the match
const start = (sentence: string): string => plain(sentence.slice(0, LONGEST_SENTENCE));

/** Whether a thought stops here: it says that it will not help. */
export function isStop(sentence: string): boolean {
  const text = start(sentence);
  return (
    refusalPhrases.conclusions.some((phrase) => text.includes(phrase)) ||
    /\b(?:should|must|will|would) (?:not|never) (?:answer|help|assist|comply|provide|engage|respond)\b/.test(
      text,
    )
  );
}

export function isUnderstanding(sentence: string): boolean {
  const text = start(sentence);
  if (text === '' || (assess(sentence) !== null && !isAboutSomebody.test(text))) return false;
  if (/^(?:i|one|we)\b/.test(text) && isStop(sentence)) return false;
  return speaksOfRequest.test(text) || setsTask.test(text) || chineseRequest.test(text);
}

interface FirstSentence {
  readonly text: string; // with the white space behind it; joined with `rest` it is the thought
  readonly rest: string;
  readonly isUnderstanding: boolean;
}

/** @param thought without its tags */
export function firstSentenceOf(thought: string): FirstSentence {
  const sentences = splitSentences(thought);
  let length = 1;
  while (length < sentences.length && length < 3 && interjection.test(start(sentences[length - 1]))) length++;
  // Interjections before something else are a sentence of their own.
  if (length > 1 && !isUnderstanding(sentences[length - 1])) length = 1;
  const text = sentences.slice(0, length).join('');
  return {
    text,
    rest: thought.slice(text.length),
    isUnderstanding: isUnderstanding(sentences[length - 1] ?? ''),
  };
}

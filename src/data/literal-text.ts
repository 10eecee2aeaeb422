/**
 * Control tokens in what people write. Rendered into a template, "<|im_end|>" in a question would end the question and let
 * it go on as another role. A mark inside the token keeps the tokenizer from finding it; the mark is dropped before the
 * letters are encoded, so the ids are those of the text itself.
 */
import type { ChatMessage } from './tokenizer.ts';

/** A noncharacter of Unicode: it stands for nothing in any text. */
const literalMark = '\uFDD0';

const marked = (token: string): string => {
  const [first = ''] = token;
  return first + literalMark + token.slice(first.length);
};

/** For the messages of users and systems; an assistant's turns are the model's own and may hold control tokens. */
export function shieldedBy(controlTokens: readonly string[]): (message: ChatMessage) => ChatMessage {
  const shield = (text: string): string =>
    controlTokens.reduce((shielded, token) => shielded.replaceAll(token, marked(token)), text);
  return (message) =>
    message.role === 'assistant' ? message : { role: message.role, content: shield(message.content) };
}

/**
 * Takes the marks out again, of text that has been normalised by then. A mark that stands anywhere but in a control token
 * is the text's own.
 */
export function createUnmark(
  controlTokens: readonly string[],
  normalise: (text: string) => string,
): (text: string) => string {
  const plainOf = new Map(
    controlTokens.flatMap((token) => [
      [marked(token), token],
      [normalise(marked(token)), normalise(token)],
    ]),
  );
  return (text) => {
    if (!text.includes(literalMark)) return text;
    let plain = text;
    for (const [literal, token] of plainOf) plain = plain.replaceAll(literal, token);
    return plain;
  };
}

/**
 * Control tokens in what people write. Rendered into a template, "<|im_end|>" in a question would end the question and let
 * it go on as another role. A mark inside the token keeps the tokenizer from finding it; the mark is dropped before the
 * letters are encoded, so the ids are those of the text itself.
 */
import type { ChatMessage } from './tokenizer.ts';

/** A noncharacter of Unicode: it stands for nothing in any text. */
export const literalMark = '\uFDD0';

export const withoutMarks = (text: string): string => text.replaceAll(literalMark, '');

/** For the messages of users and systems; an assistant's turns are the model's own and may hold control tokens. */
export function shieldedBy(controlTokens: readonly string[]): (message: ChatMessage) => ChatMessage {
  const shield = (text: string): string => {
    let shielded = withoutMarks(text);
    for (const token of controlTokens) {
      const [first = ''] = token;
      shielded = shielded.replaceAll(token, first + literalMark + token.slice(first.length));
    }
    return shielded;
  };
  return (message) =>
    message.role === 'assistant' ? message : { role: message.role, content: shield(message.content) };
}

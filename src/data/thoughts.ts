/**
 * Responses with a thought in <think> … </think>, as a chat template writes them after its generation prompt.
 *
 * Only a <think> that a response begins with opens a thought; anywhere else it is text. A template that keeps thoughts
 * (Qwen3's) is asked how it writes the response, white space and an empty thought included; what would lose a letter that
 * way is left as it is. From a response for a template that deletes thoughts (R1's) nothing is cut but what the prompt
 * already holds.
 */
import type { Render } from './chat-template.ts';
import type { ChatMessage } from './tokenizer.ts';

interface Thoughts {
  readonly fit: (response: string) => string;
  readonly leavesOpen: (response: string) => boolean;
}

const question: ChatMessage = { role: 'user', content: 'Hello' };
const opening = /^\s*<think>/;
const openedByPrompt = /<think>(\n*)$/;
const writtenBeforeAnswer = /<think>\s*<\/think>\s*$/;
const squeezed = (text: string): string => text.replaceAll(/\s+/gu, '');

/** `prompt`: what is rendered for "Hello"; `tail`: what the template writes after the last answer. */
export function createThoughts(render: Render, prompt: string, tail: string): Thoughts {
  const opened = openedByPrompt.exec(prompt);
  /** What the template writes after the prompt for this response; null: something else than the prompt and an answer. */
  const written = (response: string): string | null => {
    try {
      const whole = render([question, { role: 'assistant', content: response }], false);
      if (!whole.startsWith(prompt) || !whole.endsWith(tail) || whole.length < prompt.length + tail.length)
        return null;
      return whole.slice(prompt.length, whole.length - tail.length);
    } catch {
      return null; // it renders prompts only
    }
  };
  const probe = written('<think>\nalpha\n</think>\n\nomega');
  const keepsThoughts = probe !== null && probe.includes('alpha') && probe.includes('omega');
  const emptyThought = emptyThoughtOf(render, question);

  /** What the response says without what the prompt has said already. */
  const afterPrompt = (response: string): string => {
    const own = opening.exec(response);
    if (opened === null || own === null) return response;
    const rest = response.slice(own[0].length);
    let shared = 0;
    while (shared < opened[1].length && rest[shared] === '\n') shared++;
    return rest.slice(shared);
  };

  const fit = (response: string): string => {
    const knowsThoughts = opened !== null || emptyThought !== '';
    const isClosedOnly = !response.includes('<think>') && response.includes('</think>');
    // SafeChain's rows leave the opening tag to R1's template.
    const given = opened === null && knowsThoughts && isClosedOnly ? `<think>\n${response}` : response;
    const plain = afterPrompt(given);
    const asWritten = keepsThoughts ? written(given) : null;
    if (asWritten !== null) {
      const letters = squeezed(plain);
      const isThought = opening.test(given) || (opened !== null && given.includes('</think>'));
      const forms = isThought ? [letters] : [letters, `<think></think>${letters}`, `</think>${letters}`];
      if (forms.includes(squeezed(asWritten))) return asWritten;
    }
    const needsEmptyThought = opened === null && !opening.test(given) && emptyThought !== '';
    return needsEmptyThought ? emptyThought + given : plain;
  };

  return {
    fit,
    leavesOpen: (response) => {
      if (response.includes('</think>')) return false;
      return opened === null ? opening.test(response) : !fit(response).includes('</think>');
    },
  };
}

/** "<think>\n\n</think>\n\n" where the template writes it before an answer without reasoning, as Qwen3's does. */
function emptyThoughtOf(render: Render, asked: ChatMessage): string {
  try {
    const whole = render([asked, { role: 'assistant', content: 'World' }], false);
    return writtenBeforeAnswer.exec(whole.slice(0, whole.lastIndexOf('World')))?.[0] ?? '';
  } catch {
    return '';
  }
}

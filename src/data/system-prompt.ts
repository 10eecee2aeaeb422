/** A prompt as it is asked: with the system prompt that the rows of its run begin with. */
import type { ChatMessage, Prompt } from '../api/trainer-api.ts';

export const messagesOf = (prompt: Prompt): readonly ChatMessage[] =>
  typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt;

/** What the user says in it, turn by turn. */
export const userTurns = (prompt: Prompt): readonly string[] =>
  messagesOf(prompt).flatMap(({ role, content }) => (role === 'user' ? [content] : []));

/** `systemPrompt` goes before a prompt that brings none of its own; "" is none. */
export function withSystemPrompt(prompt: Prompt, systemPrompt: string): Prompt {
  const messages = messagesOf(prompt);
  if (systemPrompt === '' || messages[0]?.role === 'system') return prompt;
  return [{ role: 'system', content: systemPrompt }, ...messages];
}

/**
 * Chat templates: the prompt of an answer as generation renders it, and whole conversations with the turns to train.
 *
 * R1-style templates delete the reasoning of assistant turns, so no response ever goes through a template that does not
 * mark it as trained. Where the template has TRL's {% generation %} marks, they say what is trained, as in TRL. Where it
 * has none, each response is replaced by a stand-in, and put in its place after rendering.
 */
import { Template } from '@huggingface/jinja';
import { TrainerError } from '../api/trainer-error.ts';
import type { ChatMessage } from './tokenizer.ts';

export interface TextPiece {
  readonly text: string;
  readonly isTrained: boolean;
}

/** Qwen3's template asks for `enable_thinking`: false writes an empty thought into the generation prompt. */
export interface TemplateVariables {
  readonly enable_thinking?: boolean;
}

export interface ChatTemplate {
  /**
   * With the generation prompt. `variables`: what a template asks for besides the messages.
   * @throws TrainerError "model-file-invalid" when the template refuses the messages.
   */
  renderPrompt(messages: readonly ChatMessage[], variables?: TemplateVariables): string;
  /** The whole conversation; every turn of the assistant is trained. Pieces take turns. @throws as renderPrompt. */
  renderTurns(messages: readonly ChatMessage[]): TextPiece[];
  /** A response as the template expects it after its generation prompt. */
  fitResponse(response: string): string;
  /** The generation prompt ends with "<think>\n" (or "<think>"). */
  readonly thinkPrefilled: boolean;
}

/** Of Unicode's private use area: no text has them but one that wants to be mistaken for a mark. */
const [markStart, markEnd] = ['\uE0F0', '\uE0F1'];
const generationTag = /\{%(-?)\s*(end)?generation\s*(-?)%\}/g;
const openingThink = /<think>\n*$/;
const emptyThink = /<think>\s*<\/think>\s*$/;

export function createChatTemplate(
  text: string | null,
  named: Readonly<Record<string, string | null>>,
): ChatTemplate {
  const render = renderer(text, named);
  const marksTurns = text !== null && generationTag.test(text);
  generationTag.lastIndex = 0;
  const renderMarked = marksTurns
    ? renderer(
        text.replace(
          generationTag,
          (_, left: string, end: string | undefined, right: string) =>
            `{{${left} '${end === undefined ? markStart : markEnd}' ${right}}}`,
        ),
        named,
      )
    : null;
  const hello: ChatMessage = { role: 'user', content: 'Hello' };
  const generationPrompt = openingThink.exec(render([hello], true))?.[0] ?? '';
  const emptyThought = emptyThoughtOf(render, hello);
  const eos = named['eos_token'] ?? '';

  const fitResponse = (response: string): string => {
    // Where the generation prompt has already opened <think>, a response that opens it again would double it.
    if (generationPrompt !== '') return response.replace(/^\s*<think>\n*/, '');
    if (response.includes('<think>')) return response;
    if (emptyThought === '') return response; // a template that knows nothing of thoughts
    // SafeChain's rows leave the opening tag to R1's template.
    if (response.includes('</think>')) return `<think>\n${response}`;
    return emptyThought + response;
  };

  return {
    renderPrompt: (messages, variables) => render(messages, true, variables),
    renderTurns: (messages) =>
      renderMarked === null
        ? insertTurns(render, messages, (response) => fitResponse(response), generationPrompt, eos)
        : piecesOf(renderMarked(messages, false)),
    fitResponse,
    thinkPrefilled: generationPrompt !== '',
  };
}

type Render = (
  messages: readonly ChatMessage[],
  addGenerationPrompt: boolean,
  variables?: TemplateVariables,
) => string;

function renderer(text: string | null, named: Readonly<Record<string, string | null>>): Render {
  if (text === null) return (messages) => messages.map(({ content }) => content).join('');
  let template: Template;
  try {
    template = new Template(text);
  } catch (error) {
    throw new TrainerError('model-file-invalid', 'The chat template cannot be read.', String(error));
  }
  // An undefined variable is empty text in Jinja.
  const tokens = Object.fromEntries(Object.entries(named).map(([name, value]) => [name, value ?? '']));
  const stripsLines = /strip\((['"])\\n\1\)/.test(text);
  return (messages, addGenerationPrompt, variables = {}) => {
    const given = stripsLines
      ? messages.map(({ role, content }) => ({ role, content: shieldSpaces(content) }))
      : messages;
    try {
      const rendered = template.render({
        ...tokens,
        ...variables,
        messages: given,
        add_generation_prompt: addGenerationPrompt,
      });
      return stripsLines ? unshieldSpaces(rendered) : rendered;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new TrainerError(
        'model-file-invalid',
        `The chat template does not accept the messages: ${reason}`,
      );
    }
  };
}

/**
 * In Python strip('\n') takes line breaks only; @huggingface/jinja 0.5 takes all white space. Templates that ask for it
 * (Qwen3's) are given other characters in the place of spaces, of a plane that has no letters.
 */
const SHIELD = 0xf0000;
const shieldSpaces = (text: string): string =>
  text.replace(/[^\S\n]/g, (space) => String.fromCodePoint(SHIELD + space.charCodeAt(0)));
const unshieldSpaces = (text: string): string =>
  text.replace(/[\u{F0000}-\u{FFFFD}]/gu, (character) => {
    const space = String.fromCharCode((character.codePointAt(0) ?? 0) - SHIELD);
    return /\s/.test(space) ? space : character;
  });

/** "<think>\n\n</think>\n\n" where the template writes it before an answer without reasoning, as Qwen3's does. */
function emptyThoughtOf(render: Render, question: ChatMessage): string {
  try {
    const whole = render([question, { role: 'assistant', content: 'World' }], false);
    return emptyThink.exec(whole.slice(0, whole.lastIndexOf('World')))?.[0] ?? '';
  } catch {
    return ''; // it renders prompts only
  }
}

/** Text between the marks is trained. */
function piecesOf(marked: string): TextPiece[] {
  return marked
    .split(new RegExp(`([${markStart}${markEnd}])`))
    .reduce<{ pieces: TextPiece[]; isTrained: boolean }>(
      ({ pieces, isTrained }, part) => {
        if (part === markStart || part === markEnd) return { pieces, isTrained: part === markStart };
        if (part !== '') pieces.push({ text: part, isTrained });
        return { pieces, isTrained };
      },
      { pieces: [], isTrained: false },
    ).pieces;
}

/** Renders stand-ins, then puts each response after what the generation prompt would have been, with its end token. */
function insertTurns(
  render: Render,
  messages: readonly ChatMessage[],
  fit: (response: string) => string,
  generationPrompt: string,
  eos: string,
): TextPiece[] {
  const key = standInFor(messages);
  const responses: string[] = [];
  const withStandIns = messages.map(({ role, content }) =>
    role === 'assistant'
      ? { role, content: `${markStart}${key}${responses.push(content) - 1}${markEnd}` }
      : { role, content },
  );
  let rest = render(withStandIns, false);
  const pieces: TextPiece[] = [];
  for (const [index, response] of responses.entries()) {
    const standIn = `${markStart}${key}${index}${markEnd}`;
    const at = rest.indexOf(standIn);
    if (at < 0)
      throw new TrainerError(
        'model-file-invalid',
        'The chat template leaves turns of the assistant out; train the last one only (assistant_only_loss off).',
      );
    const head = rest.slice(0, at).replace(emptyThink, '').replace(openingThink, '');
    pieces.push({ text: head + generationPrompt, isTrained: false });
    rest = rest.slice(at + standIn.length);
    const isLast = index === responses.length - 1;
    const endsHere = eos !== '' && rest.startsWith(eos);
    if (endsHere) rest = rest.slice(eos.length);
    const end = (endsHere || isLast) && !response.endsWith(eos) ? eos : '';
    pieces.push({ text: fit(response) + end, isTrained: true });
  }
  return pieces; // what follows the last response is the template's own and never trained
}

function standInFor(messages: readonly ChatMessage[]): string {
  let key = 'turn';
  while (messages.some(({ content }) => content.includes(key))) key += '~';
  return key;
}

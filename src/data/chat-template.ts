/**
 * Chat templates: the prompt of an answer as generation renders it, and whole conversations with the turns to train.
 *
 * R1-style templates delete the reasoning of assistant turns, so a response goes through a template only where nothing of
 * it is lost. Where the template has TRL's {% generation %} marks, they say what is trained, as in TRL. Where it has none,
 * each response is replaced by a stand-in, and put in its place after rendering, with what the template ends a turn with.
 */
import { TrainerError } from '../support/trainer-error.ts';
import { compileTemplate, type PythonTemplate } from './python-jinja.ts';
import { strftime } from './python-text.ts';
import { createThoughts } from './thoughts.ts';
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
  /** false: prompts are the texts alone, and conversations have no form. */
  readonly hasTemplate: boolean;
  /**
   * With the generation prompt. `variables`: what a template asks for besides the messages.
   * @throws TrainerError "model-file-invalid" when the template refuses the messages.
   */
  renderPrompt(messages: readonly ChatMessage[], variables?: TemplateVariables): string;
  /** The whole conversation; every turn of the assistant is trained. Pieces take turns. @throws as renderPrompt. */
  renderTurns(messages: readonly ChatMessage[]): TextPiece[];
  /** A response as the template writes it after its generation prompt, without the end of its turn. */
  fitResponse(response: string): string;
  /** The response opens a thought, or goes on with the one that the prompt opens, and never closes it. */
  leavesThoughtOpen(response: string): boolean;
  /** The generation prompt ends with "<think>\n" (or "<think>"). */
  readonly thinkPrefilled: boolean;
  /** What ends an answer: "<|im_end|>" for instance, with white space that stands before it. Empty: nothing is known. */
  readonly turnEnd: string;
  /** The control token that the template ends a turn with, at which generation stops; null: it writes none. */
  readonly turnEndToken: string | null;
  /** The template writes the day's date. */
  readonly asksForDate: boolean;
}

interface TemplateSurroundings {
  /** Texts of the named tokens. */
  readonly variables: Readonly<Record<string, string>>;
  /** Texts of the tokens that a template may write and people do not. */
  readonly controlTokens: readonly string[];
  readonly day: string; // 2024-07-26
}

export type Render = (
  messages: readonly ChatMessage[],
  addGenerationPrompt: boolean,
  variables?: object,
) => string;

const generationTag = /\{%(-?)\s*(end)?generation\s*(-?)%\}/g;
const openingThink = /<think>\n*$/;
const emptyThink = /<think>\s*<\/think>\s*$/;
const hello: ChatMessage = { role: 'user', content: 'Hello' };

export function createChatTemplate(text: string | null, surroundings: TemplateSurroundings): ChatTemplate {
  if (text === null) return noTemplate;
  let asksForDate = false;
  const strftimeNow = (format: string): string => {
    asksForDate = true;
    return strftime(format, surroundings.day);
  };
  const environment = { ...surroundings.variables, strftime_now: strftimeNow };
  const render = renderer(compiled(text), environment);
  const prompt = render([hello], true);
  const ending = endingOf(render, surroundings);
  const thoughts = createThoughts(render, prompt, ending.tail);
  const marked = generationTag.test(text) ? renderer(compiled(withMarks(text)), environment) : null;
  generationTag.lastIndex = 0;
  return {
    hasTemplate: true,
    renderPrompt: (messages, variables) => render(messages, true, variables),
    renderTurns: (messages) =>
      marked === null
        ? insertTurns(render, messages, thoughts.fit, openingThink.exec(prompt)?.[0] ?? '', ending)
        : markedTurns(marked, messages),
    fitResponse: thoughts.fit,
    leavesThoughtOpen: thoughts.leavesOpen,
    thinkPrefilled: openingThink.test(prompt),
    turnEnd: ending.last,
    turnEndToken: ending.token,
    asksForDate,
  };
}

const noTemplate: ChatTemplate = {
  hasTemplate: false,
  renderPrompt: (messages) => messages.map(({ content }) => content).join(''),
  renderTurns: () => {
    throw noTemplateError();
  },
  fitResponse: (response) => response,
  leavesThoughtOpen: (response) => /^\s*<think>/.test(response) && !response.includes('</think>'),
  thinkPrefilled: false,
  turnEnd: '',
  turnEndToken: null,
  asksForDate: false,
};

export const noTemplateError = (): TrainerError =>
  new TrainerError(
    'model-file-invalid',
    'is a conversation (turns, a system message or a history), and the model has no chat template to write its roles. Take the instruct version of the model, put a chat_template.jinja into its folder, or give rows of "prompt" and "completion" as texts, or of "text".',
  );

function compiled(text: string): PythonTemplate {
  try {
    return compileTemplate(text);
  } catch (error) {
    throw new TrainerError('model-file-invalid', 'The chat template cannot be read.', String(error));
  }
}

function renderer(template: PythonTemplate, environment: Readonly<Record<string, unknown>>): Render {
  return (messages, addGenerationPrompt, variables = {}) => {
    try {
      return template.render({
        ...environment,
        ...variables,
        messages,
        tools: null, // as transformers gives them
        documents: null,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new TrainerError(
        'model-file-invalid',
        `The chat template does not accept the messages: ${reason}`,
      );
    }
  };
}

interface Ending {
  /** All that the template writes after the last answer. */
  readonly tail: string;
  /** What of it ends the turn. */
  readonly written: string;
  readonly token: string | null;
  /** The end of the last answer: with the tokenizer's end token where the template writes no control token. */
  readonly last: string;
  readonly eos: string;
}

/** What the template writes after an answer, up to its first control token; without one, up to its last letter. */
function endingOf(render: Render, { variables, controlTokens }: TemplateSurroundings): Ending {
  const eos = variables['eos_token'] ?? '';
  const tail = tailOf(render);
  const [first] = controlTokens
    .map((token) => ({ token, at: tail.indexOf(token) }))
    .filter(({ at, token }) => at >= 0 && token !== '')
    .sort((a, b) => a.at - b.at || b.token.length - a.token.length);
  if (first === undefined) {
    const written = tail.trimEnd();
    return { tail, written, token: null, last: written + eos, eos };
  }
  const written = tail.slice(0, first.at + first.token.length);
  return { tail, written, token: first.token, last: written, eos };
}

function tailOf(render: Render): string {
  try {
    const standIn = 'World';
    const whole = render([hello, { role: 'assistant', content: standIn }], false);
    const at = whole.lastIndexOf(standIn);
    return at < 0 ? '' : whole.slice(at + standIn.length);
  } catch {
    return ''; // it renders prompts only
  }
}

/** The tag of TRL's, and what jinja makes of the white space around it, with a mark in its place. */
function withMarks(text: string): string {
  return text.replace(
    generationTag,
    (_, left: string, end: string | undefined, right: string) =>
      `{%${left} set mark_is_set = 1 %}{{ ${end === undefined ? 'mark_of_start' : 'mark_of_end'} }}{% set mark_is_set = 1 ${right}%}`,
  );
}

/** Text between the marks is trained. */
function markedTurns(render: Render, messages: readonly ChatMessage[]): TextPiece[] {
  const key = standInFor(messages);
  const [start, end] = [`\uE0F0${key}\uE0F1`, `\uE0F1${key}\uE0F0`];
  const rendered = render(messages, false, { mark_of_start: start, mark_of_end: end });
  const pieces: TextPiece[] = [];
  for (const [index, part] of rendered.split(start).entries()) {
    const [inside, ...after] = index === 0 ? ['', part] : part.split(end);
    if (inside !== '') pieces.push({ text: inside, isTrained: true });
    const outside = after.join('');
    if (outside !== '') pieces.push({ text: outside, isTrained: false });
  }
  return pieces;
}

/** Renders stand-ins, then puts each response after what the generation prompt would have been, with the end of its turn. */
function insertTurns(
  render: Render,
  messages: readonly ChatMessage[],
  fit: (response: string) => string,
  generationPrompt: string,
  ending: Ending,
): TextPiece[] {
  const key = standInFor(messages);
  const responses: string[] = [];
  const withStandIns = messages.map(({ role, content }) =>
    role === 'assistant'
      ? { role, content: `\uE0F0${key}${responses.push(content) - 1}\uE0F1` }
      : { role, content },
  );
  let rest = render(withStandIns, false);
  const pieces: TextPiece[] = [];
  for (const [index, response] of responses.entries()) {
    const standIn = `\uE0F0${key}${index}\uE0F1`;
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
    const written = [ending.written, ending.eos].find((end) => end !== '' && rest.startsWith(end)) ?? '';
    rest = rest.slice(written.length);
    pieces.push({ text: withTurnEnd(fit(response), isLast ? ending.last : written), isTrained: true });
  }
  return pieces; // what follows the last response is the template's own and never trained
}

/** An answer that brings its end does not get a second one. */
export function withTurnEnd(response: string, end: string): string {
  const own = end.trim();
  return own !== '' && response.trimEnd().endsWith(own) ? response.trimEnd() : response + end;
}

function standInFor(messages: readonly ChatMessage[]): string {
  let key = 'turn';
  while (messages.some(({ content }) => content.includes(key))) key += '~';
  return key;
}

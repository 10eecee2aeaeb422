/** What `generate` is asked: texts, or conversations as rows of a dataset write them. */
import type { Prompt } from '../../src/api/trainer-api.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { readMessages, type LeaveOut } from '../../src/data/read-messages.ts';
import { isFile, readJson } from './files.ts';
import { reasonOf } from './inputs.ts';

/** `leaveOut` is told every field of a turn that is not used. @throws TrainerError "config-invalid" naming the prompt. */
export function readPrompts(path: string, leaveOut: LeaveOut): readonly Prompt[] {
  if (!isFile(path)) throw new TrainerError('config-invalid', `--prompts ${path} is not a file.`);
  try {
    return parsePrompts(readJson(path), leaveOut);
  } catch (error) {
    throw new TrainerError('config-invalid', `--prompts ${path} cannot be read: ${reasonOf(error)}.`);
  }
}

/** @throws SyntaxError */
export function parsePrompts(raw: unknown, leaveOut: LeaveOut): readonly Prompt[] {
  if (!Array.isArray(raw) || raw.length === 0)
    throw new SyntaxError('it is not a list of texts or conversations');
  return raw.map((item, index) => parsePrompt(item, `prompt ${index + 1}`, leaveOut));
}

function parsePrompt(item: unknown, name: string, leaveOut: LeaveOut): Prompt {
  if (typeof item === 'string') return item;
  if (!Array.isArray(item)) throw new SyntaxError(`${name} is neither a text nor a list of messages`);
  const read = readMessages(item, name, leaveOut);
  if ('reason' in read) throw new SyntaxError(firstSentence(read.reason));
  const last = read.messages.at(-1)?.role;
  if (last !== 'user') throw new SyntaxError(`${name} ends with a turn of the ${last}, not of the user`);
  return read.messages;
}

/** What follows names the shapes of a dataset's rows, which prompts do not have. */
const firstSentence = (reason: string): string => reason.split('. ')[0];

/** What `generate` is asked: texts, or conversations as rows of a data set write them. */
import type { Prompt } from '../../src/api/trainer-api.ts';
import { TrainerError } from '../../src/api/trainer-error.ts';
import { readMessages } from '../../src/data/read-messages.ts';
import { isFile, readJson } from './files.ts';
import { reasonOf } from './inputs.ts';

/** @throws TrainerError "config-invalid" naming the prompt that cannot be asked. */
export function readPrompts(path: string): readonly Prompt[] {
  if (!isFile(path)) throw new TrainerError('config-invalid', `--prompts ${path} is not a file.`);
  try {
    return parsePrompts(readJson(path));
  } catch (error) {
    throw new TrainerError('config-invalid', `--prompts ${path} cannot be read: ${reasonOf(error)}.`);
  }
}

/** @throws SyntaxError */
export function parsePrompts(raw: unknown): readonly Prompt[] {
  if (!Array.isArray(raw) || raw.length === 0)
    throw new SyntaxError('it is not a list of texts or conversations');
  return raw.map((item, index) => parsePrompt(item, `prompt ${index + 1}`));
}

function parsePrompt(item: unknown, name: string): Prompt {
  if (typeof item === 'string') return item;
  if (!Array.isArray(item)) throw new SyntaxError(`${name} is neither a text nor a list of messages`);
  const read = readMessages(item, name);
  if ('reason' in read) throw new SyntaxError(firstSentence(read.reason));
  if (read.at(-1)?.role !== 'user')
    throw new SyntaxError(`${name} ends with a turn of the ${read.at(-1)?.role}, not of the user`);
  return read;
}

/** What follows names the shapes of a data set's rows, which prompts do not have. */
const firstSentence = (reason: string): string => reason.split('. ')[0];

/** Lengths in tokens of rows as they will be trained: chat template, response and end token, by a model folder's tokenizer. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuiltRow, Lengths } from '../../src/api/builder-api.ts';
import { TrainerError } from '../../src/api/trainer-error.ts';
import { lengthsOf } from '../../src/alttrain/lengths.ts';
import type { ChatTokenizer } from '../../src/data/tokenizer.ts';
import { isFile, isObject, readJson } from './files.ts';
import { reasonOf } from './inputs.ts';
import { projectRoot } from './paths.ts';

export interface TokenLengths {
  readonly sample: Lengths; // prompt as rendered, response, end token
  readonly trained: Lengths; // response and end token
}

/** `demo`, or a folder with tokenizer.json and tokenizer_config.json; weights are not needed. @throws TrainerError */
export async function openTokenizer(model: string): Promise<ChatTokenizer> {
  const folder = model === 'demo' ? join(projectRoot, 'public/models/demo') : model;
  const { createChatTokenizer } = await import('../../src/data/tokenizer.ts'); // half a second, only where it is used
  const template = join(folder, 'chat_template.jinja');
  return createChatTokenizer({
    tokenizerJson: jsonOf(folder, 'tokenizer.json'),
    tokenizerConfig: jsonOf(folder, 'tokenizer_config.json'),
    generationConfig: isFile(join(folder, 'generation_config.json'))
      ? jsonOf(folder, 'generation_config.json')
      : null,
    chatTemplate: isFile(template) ? readFileSync(template, 'utf8') : null,
  });
}

function jsonOf(folder: string, name: string): Record<string, unknown> {
  const path = join(folder, name);
  if (!isFile(path))
    throw new TrainerError('model-file-missing', `${folder} has no ${name}, which counting tokens needs.`);
  try {
    const value = readJson(path);
    if (!isObject(value)) throw new SyntaxError('it is not a JSON object');
    return value;
  } catch (error) {
    throw new TrainerError('model-file-invalid', `${path} cannot be read: ${reasonOf(error)}.`);
  }
}

export async function tokenLengths(
  rows: readonly BuiltRow[],
  tokenizer: ChatTokenizer,
): Promise<TokenLengths> {
  const { tokenizeExample } = await import('../../src/data/mask.ts');
  const sample: number[] = [];
  const trained: number[] = [];
  for (const { line, instruction, response } of rows) {
    const parts = tokenizeExample(
      { line, shape: 'instruction/response', prompt: [{ role: 'user', content: instruction }], response },
      tokenizer,
      { maxLength: Infinity, completionOnlyLoss: true, assistantOnlyLoss: false, truncation: 'truncate' },
    );
    if ('reason' in parts)
      throw new TrainerError('internal', `A built row cannot be tokenized: it ${parts.reason}.`);
    sample.push(...parts.map(({ tokens }) => tokens.length));
    trained.push(...parts.map(({ targetCount }) => targetCount));
  }
  return { sample: lengthsOf(sample), trained: lengthsOf(trained) };
}

/** `npm run generate`: answers of the model, with or without an adapter, from the page's own worker. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TrainerError } from '../src/api/trainer-error.ts';
import { generateHelp, parseGenerateArgs, wantsHelp, wantsJson, type GenerateOptions } from './cli/args.ts';
import { runCommand } from './cli/exit.ts';
import { isFile, readJson } from './cli/files.ts';
import { adapterInput, hubAccess, modelInput, reasonOf } from './cli/inputs.ts';

function readPrompts(path: string): readonly string[] {
  if (!isFile(path)) throw new TrainerError('config-invalid', `--prompts ${path} is not a file.`);
  try {
    const raw = readJson(path);
    if (!Array.isArray(raw) || raw.length === 0 || raw.some((prompt) => typeof prompt !== 'string'))
      throw new SyntaxError('it is not a list of texts');
    return raw as string[];
  } catch (error) {
    throw new TrainerError('config-invalid', `--prompts ${path} cannot be read: ${reasonOf(error)}.`);
  }
}

async function generate(options: GenerateOptions, asJson: boolean): Promise<void> {
  const { maxNewTokens, temperature, seed, templateDate } = options;
  const model = modelInput(options.model, hubAccess(options.hubUrl));
  const adapter = options.adapterFolder === null ? null : adapterInput(options.adapterFolder);
  const prompts = readPrompts(options.promptsPath);
  const { generateAnswers } = await import('./cli/generate-answers.ts'); // the slow part, loaded once the input is good
  const generated = await generateAnswers(
    {
      model: model.served,
      quantization: options.quantization,
      adapter: adapter?.served ?? null,
      request: { prompts, maxNewTokens, temperature, seed, templateDate, useAdapter: adapter !== null },
    },
    [...model.mounts, ...(adapter?.mounts ?? [])],
  );
  const answers = generated.map(({ prompt, tokenIds, trace }) => ({ prompt, tokenIds, text: trace.text }));
  const out = resolve(options.out);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(answers, null, 1)}\n`);
  console.log(`${answers.length} answers in ${out}`);
  if (asJson) console.log(JSON.stringify({ ok: true, model: options.model, prompts: answers.length, out }));
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(generateHelp);
else await runCommand(wantsJson(argv), () => generate(parseGenerateArgs(argv), wantsJson(argv)));

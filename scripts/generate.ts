/** `npm run generate`: answers of the model, with or without an adapter, from the page's own trainer, in Node or headless Chromium. */
import { resolve } from 'node:path';
import { adapterInput } from './cli/adapter-input.ts';
import { generateHelp, parseGenerateArgs, wantsHelp, wantsJson, type GenerateOptions } from './cli/args.ts';
import { runCommand } from './cli/exit.ts';
import { hubAccess, modelInput } from './cli/inputs.ts';
import { readPrompts } from './cli/prompts.ts';
import { printJson } from './cli/terminal.ts';
import { requireOutFile, writeOutFile } from './cli/out-file.ts';
import { withSystemPrompt } from '../src/data/system-prompt.ts';

async function generate(options: GenerateOptions, asJson: boolean): Promise<void> {
  const { maxNewTokens, temperature, topP, seed, strength, templateDate, systemPrompt } = options;
  const out = options.out === null ? null : resolve(options.out);
  if (out !== null) requireOutFile(out);
  const model = modelInput(options.model, hubAccess(options.hubUrl));
  const adapter = options.adapterFolder === null ? null : adapterInput(options.adapterFolder);
  const unused = new Set<string>();
  const given =
    options.promptsPath === null
      ? options.prompts
      : readPrompts(options.promptsPath, (name) => unused.add(name.replace(/^.*\./, '')));
  if (unused.size > 0) console.log(`Not used of the prompts' turns: ${[...unused].join(', ')}`);
  const prompts = given.map((prompt) => withSystemPrompt(prompt, systemPrompt));
  const { generateAnswers } = await import('./cli/generate-answers.ts'); // the slow part, loaded once the input is good
  const generated = await generateAnswers(
    {
      model: model.served,
      quantization: options.quantization,
      adapter: adapter?.served ?? null,
      request: {
        ...{ prompts, maxNewTokens, temperature, topP, seed, templateDate },
        ...(adapter === null ? { useAdapter: false } : { useAdapter: true, strength }),
      },
    },
    [...model.mounts, ...(adapter?.mounts ?? [])],
    { host: options.host, hubUrl: options.hubUrl },
  );
  const answers = generated.map(({ prompt, tokenIds, trace }) => ({ prompt, tokenIds, text: trace.text }));
  if (options.promptsPath === null)
    for (const { text } of answers) console.log(answers.length > 1 ? `${text.trim()}\n` : text.trim());
  if (out !== null) {
    writeOutFile(out, `${JSON.stringify(answers, null, 1)}\n`);
    console.log(`${answers.length} ${answers.length === 1 ? 'answer' : 'answers'} in ${out}`);
  }
  if (asJson) printJson({ ok: true, model: options.model, prompts: answers.length, out });
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(generateHelp);
else await runCommand(wantsJson(argv), () => generate(parseGenerateArgs(argv), wantsJson(argv)));

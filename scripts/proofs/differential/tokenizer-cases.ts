/** Writes the cases of tokenizer folders, and asks this project what it makes of them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { datasetSettings } from '../../../src/config/dataset-settings.ts';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { createChatTokenizer, type ChatTokenizer } from '../../../src/data/tokenizer.ts';
import { createRng } from '../../../src/support/rng.ts';
import { tokenizerFiles } from '../../cli/inputs.ts';
import { drawKinds, type Case, type Json, type Outcome } from './cases.ts';
import { refusalOf } from './refusal.ts';
import { hostileTexts } from './tiny-bpe.ts';
import { newTokenizer, tokenizerChanges, type TokenizerDraft } from './tokenizer-changes.ts';

export interface TokenizerCase extends Case {
  readonly folder: string;
  readonly texts: readonly string[];
  readonly question: string;
}

export function writeTokenizerCases(folder: string, seed: number, count: number): TokenizerCase[] {
  return Array.from({ length: count }, (_, index) => {
    const rng = createRng(seed * 300_007 + index);
    const draft = newTokenizer(rng);
    const changes = drawKinds(rng, tokenizerChanges, index).map((make) => make(draft, rng));
    const id = `tokenizer-${index}`;
    write(draft, join(folder, id));
    return {
      id,
      changes,
      folder: join(folder, id),
      texts: hostileTexts,
      question: 'How many legs have  three hens?\n',
    };
  });
}

function write(draft: TokenizerDraft, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const put = (name: string, value: Json | null): void => {
    if (value !== null) writeFileSync(join(folder, name), JSON.stringify(value));
  };
  put('config.json', { model_type: 'llama', architectures: ['LlamaForCausalLM'], vocab_size: 600 });
  put('tokenizer.json', draft.json);
  put('tokenizer_config.json', draft.config);
  put('special_tokens_map.json', draft.specialMap);
  put('generation_config.json', draft.generationConfig);
  if (draft.template !== null) writeFileSync(join(folder, 'chat_template.jinja'), draft.template);
}

const settings = { ...datasetSettings(defaultRunConfig), maxLength: 4096 };

/** Ids of texts, of a question in the template, and of texts as rows of a dataset. */
export async function ourTokens({ folder, texts, question }: TokenizerCase): Promise<Outcome> {
  try {
    const tokenizer = createChatTokenizer(await tokenizerFiles(folder));
    const rows = texts.map((text) => `${JSON.stringify({ text })}\n`).join('');
    const dataset = await prepareDataset(oneFile('rows.jsonl', new Blob([rows])), tokenizer, settings);
    const ids = texts.map((text) => tokenizer.encode(text));
    const { prompt, promptError } = await promptOf(tokenizer, question);
    return {
      kind: 'tokens',
      parts: {
        ids,
        decoded: ids.map((list) => tokenizer.decode(list)),
        rows: Object.fromEntries(dataset.examples.map(({ line, tokens }) => [line, [...tokens]])),
        prompt,
        ...(promptError === null ? {} : { promptError }),
        promptIds: prompt === null ? null : tokenizer.encode(prompt),
        eosId: tokenizer.eosIds[0],
        bosId: tokenizer.bosId,
      },
    };
  } catch (error) {
    return refusalOf(error);
  }
}

/** Without a template, the reason why a conversation is refused. */
async function promptOf(
  tokenizer: ChatTokenizer,
  question: string,
): Promise<{ readonly prompt: string | null; readonly promptError: string | null }> {
  const asked = { role: 'user', content: question } as const;
  try {
    if (tokenizer.hasTemplate) return { prompt: tokenizer.renderPrompt([asked]), promptError: null };
    const row = { prompt: [asked], completion: [{ role: 'assistant', content: 'Six.' }] };
    const problems: string[] = [];
    await prepareDataset(oneFile('rows.jsonl', new Blob([JSON.stringify(row)])), tokenizer, settings, {
      onProblem: ({ reason }) => problems.push(reason),
    });
    return { prompt: null, promptError: problems.join(' ') || null };
  } catch (error) {
    const { code, message } = refusalOf(error);
    if (code === 'uncoded') throw error;
    return { prompt: null, promptError: message };
  }
}

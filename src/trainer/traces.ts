/** Generated token ids → traces with their AltTrain parts, and sample prompts answered by base and adapter. */
import { judgeTrace } from '../alttrain/judge.ts';
import { recogniseTrace } from '../alttrain/recognise.ts';
import type { Prompt, Trace } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { messagesOf } from '../data/system-prompt.ts';
import type { ChatTokenizer } from '../data/tokenizer.ts';
import type { Adapter } from '../model/adapter.ts';
import { GenerationSession, type GenerationSettings } from '../model/generation-session.ts';
import type { LoadedModel } from '../model/load-model.ts';

export function toTrace(ids: readonly number[], tokenizer: ChatTokenizer): Trace {
  const text = tokenizer.decode(ids, { skipSpecialTokens: true });
  const last = ids.at(-1);
  const { parts, verdict } = recogniseTrace(text);
  return {
    text,
    parts,
    verdict,
    refused: judgeTrace(text, tokenizer.thinkPrefilled).refused,
    finished: last !== undefined && tokenizer.eosIds.includes(last),
  };
}

/** Asked as it is: what another template than the model's own has rendered. */
export interface TokenPrompt {
  readonly ids: readonly number[];
}

/** The token ids a model answers. */
export function promptIds(prompt: Prompt | TokenPrompt, tokenizer: ChatTokenizer): number[] {
  if (typeof prompt === 'object' && 'ids' in prompt) return [...prompt.ids];
  return tokenizer.encodePrompt(messagesOf(prompt));
}

type DecodingSettings = Pick<
  GenerationSettings,
  'maxNewTokens' | 'temperature' | 'topP' | 'seed' | 'strength'
>;

/** Answers prompts in batches on buffers made once. Caller disposes. */
export class Responder {
  readonly #model: LoadedModel;
  readonly #generator: GenerationSession;
  readonly #batchSize: number;

  private constructor(model: LoadedModel, generator: GenerationSession, batchSize: number) {
    this.#model = model;
    this.#generator = generator;
    this.#batchSize = batchSize;
  }

  /** Room for every one of `prompts`, `batchSize` at a time. @throws TrainerError "config-invalid", "gpu-out-of-memory". */
  static async create(
    model: LoadedModel,
    adapter: Adapter | null,
    prompts: readonly (Prompt | TokenPrompt)[],
    batchSize: number,
    maxNewTokens: number,
  ): Promise<Responder> {
    const longest = Math.max(...prompts.map((prompt) => promptIds(prompt, model.tokenizer).length));
    const context = longest + maxNewTokens;
    if (context > model.config.maxPositions) {
      throw new TrainerError(
        'config-invalid',
        `A prompt of ${longest} tokens and ${maxNewTokens} new ones are more than the model's ${model.config.maxPositions} positions. Lower max_new_tokens.`,
      );
    }
    model.decoder.reservePositions(context);
    const size = Math.min(batchSize, prompts.length);
    const generator = await model.decoder.gpu.memory.checked(
      'generating text',
      () => new GenerationSession(model.decoder, adapter, size, context),
    );
    return new Responder(model, generator, size);
  }

  /** Token ids per prompt, in order. `onBatch` is told how many prompts are done. */
  async answer(
    prompts: readonly (Prompt | TokenPrompt)[],
    settings: DecodingSettings,
    useAdapter: boolean,
    onBatch: (done: number) => void = () => undefined,
  ): Promise<number[][]> {
    const { tokenizer } = this.#model;
    const answers: number[][] = [];
    for (let i = 0; i < prompts.length; i += this.#batchSize) {
      const batch = prompts.slice(i, i + this.#batchSize).map((prompt) => promptIds(prompt, tokenizer));
      answers.push(
        ...(await this.#generator.generate(batch, { ...settings, eosIds: tokenizer.eosIds, useAdapter })),
      );
      onBatch(answers.length);
    }
    return answers;
  }

  async traces(
    prompts: readonly Prompt[],
    settings: DecodingSettings,
    useAdapter: boolean,
  ): Promise<Trace[]> {
    return (await this.answer(prompts, settings, useAdapter)).map((ids) =>
      toTrace(ids, this.#model.tokenizer),
    );
  }

  dispose(): void {
    this.#generator.dispose();
  }
}

/** Sample traces during a run: fixed prompts answered by the base and by the adapter as it is now. */
import type { Prompt, SampleTrace, Trace } from '../api/trainer-api.ts';
import type { RunConfig } from '../config/run-config.ts';
import { withSystemPrompt } from '../data/system-prompt.ts';
import type { Adapter } from '../model/adapter.ts';
import type { LoadedModel } from '../model/load-model.ts';
import { Responder } from './traces.ts';

export class RunSamples {
  readonly #responder: Responder;
  readonly #config: RunConfig;
  readonly #prompts: readonly Prompt[]; // with the run's system prompt
  #base: readonly Trace[] | null = null; // the base does not change: it answers once

  private constructor(responder: Responder, config: RunConfig, prompts: readonly Prompt[]) {
    this.#responder = responder;
    this.#config = config;
    this.#prompts = prompts;
  }

  /** null when the settings ask for no samples. Caller disposes. */
  static async create(model: LoadedModel, adapter: Adapter, config: RunConfig): Promise<RunSamples | null> {
    const { samplePrompts, sampleSteps, maxNewTokens, systemPrompt } = config;
    if (sampleSteps === 0 || samplePrompts.length === 0) return null;
    const prompts = samplePrompts.map((prompt) => withSystemPrompt(prompt, systemPrompt));
    const responder = await Responder.create(model, adapter, prompts, prompts.length, maxNewTokens);
    return new RunSamples(responder, config, prompts);
  }

  /** `isBase`: the adapter still is the identity (B = 0), so the base's answers are its own. */
  async take(isBase: boolean): Promise<SampleTrace[]> {
    const { samplePrompts } = this.#config;
    this.#base ??= await this.#responder.traces(this.#prompts, this.#config, false);
    const base = this.#base;
    const adapted = isBase ? base : await this.#responder.traces(this.#prompts, this.#config, true);
    return samplePrompts.map((prompt, i) => ({ prompt, base: base[i], adapter: adapted[i] }));
  }

  dispose(): void {
    this.#responder.dispose();
  }
}

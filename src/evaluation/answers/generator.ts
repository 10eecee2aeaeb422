/** Whoever writes answers: the trainer's model here, a mock in tests. And what is asked of it. */
import type { Prompt } from '../../api/trainer-api.ts';

export interface GenerationSettings {
  readonly maxNewTokens: number;
  /** 0: greedy, and one answer a prompt. */
  readonly temperature: number;
  /** Answers a prompt; more than one only where they are sampled. */
  readonly samples: number;
  readonly seed: number;
  readonly systemPrompt: string; // "": none
  readonly repetitionPenalty: number; // 1: none
  /** The day that a chat template writes where it asks for today, as 2024-07-26. */
  readonly templateDate: string;
}

/** A model with an adapter or without. */
export interface Variant {
  readonly id: string; // "base", "adapter"
  /** `hash`: of its files. `strength`: 1 as it was trained, 0 switched off. */
  readonly adapter: { readonly hash: string; readonly strength: number } | null;
}

export interface WrittenAnswer {
  readonly text: string;
  readonly tokens: number;
  readonly finished: boolean;
}

export interface GenerateCall {
  readonly prompts: readonly Prompt[]; // system prompt included
  readonly variant: Variant;
  readonly settings: GenerationSettings;
  /** For this batch; equal calls give equal answers. */
  readonly seed: number;
}

export interface Generator {
  /** What tells this model from others, quantisation included: part of every answer's key. */
  readonly modelId: string;
  readonly thinkPrefilled: boolean;
  /** In the order of the prompts. @throws TrainerError "config-invalid" where a prompt does not fit the context */
  generate(call: GenerateCall): Promise<readonly WrittenAnswer[]>;
}

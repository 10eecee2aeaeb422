/** Whoever writes answers: the trainer's model here, a mock in tests. And what is asked of it. */
import type { GenerationSettings, Variant } from '../../api/evaluations.ts';
import type { Prompt } from '../../api/trainer-api.ts';

export type { GenerationSettings, Variant };

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

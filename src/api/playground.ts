/**
 * The contract of the playground: a conversation with the model, without an adapter and with one, side by side. Types only.
 * The prompt is rendered and the tokens are drawn as `generate` does both.
 */
import type { AdapterChoice } from './evaluations.ts';
import type { ChatMessage, Trace, TracePart } from './trainer-api.ts';

export type PlaygroundSide = 'base' | 'adapter';

/** Whose answers stand beside the base's. `id`: of what was dropped; the same files are read once. */
export type PlaygroundAdapter =
  | AdapterChoice
  | {
      readonly kind: 'files';
      readonly id: string;
      readonly name: string;
      readonly files: readonly File[]; // of a PEFT folder, or one zip of it
    };

export interface ChatSettings {
  readonly maxNewTokens: number; // fewer where the model's context ends before
  readonly temperature: number; // 0: greedy
  readonly topP: number; // 1: from all tokens
  readonly seed: number;
  readonly strength: number; // of the adapter: 0 is the base, 1 as it was trained
  readonly templateDate: string;
}

export interface ChatRequest {
  /** Who is asked, and what: each side has its own conversation, which ends with a user's turn. */
  readonly turns: readonly { readonly side: PlaygroundSide; readonly messages: readonly ChatMessage[] }[];
  readonly adapter: PlaygroundAdapter;
  readonly settings: ChatSettings;
}

export interface TokenChance {
  readonly name: string; // the token by itself, also of one that adds no text, as an end token
  readonly probability: number; // by the model, before temperature and top-p
}

export interface ReplyToken extends TokenChance {
  /** What it adds to the text; "" where a character needs several tokens: the first of them has it. */
  readonly text: string;
  readonly likeliest: readonly TokenChance[]; // of all tokens there, the likeliest first
}

/** A reply that grows. */
export interface ReplyDelta {
  readonly side: PlaygroundSide;
  readonly from: number; // the tokens from here on are these
  readonly tokens: readonly ReplyToken[];
  readonly parts: readonly TracePart[]; // of all the text so far
}

export interface Reply {
  readonly side: PlaygroundSide;
  readonly tokenIds: readonly number[]; // end token included where reached
  readonly trace: Trace;
  /** As the assistant's turn of a conversation: with the opening of the thought that the prompt has written. */
  readonly content: string;
  readonly end: 'finished' | 'limit' | 'stopped'; // limit: of new tokens, or of the model's context
}

/** What the contract offers of the playground. */
export interface PlaygroundApi {
  /**
   * Needs a loaded model, and nothing else under way. Resolves with one reply a turn, in their order; with what is there where
   * it was stopped. @throws TrainerError "not-ready", "config-invalid", "adapter-invalid", "busy", …
   */
  chat(request: ChatRequest, onDelta: (delta: ReplyDelta) => void): Promise<readonly Reply[]>;
  /** At once: no more tokens are told of. */
  stopChat(): Promise<void>;
}

/**
 * A conversation with the model as it is and with an adapter on it, side by side. Each side has a generation session of one
 * sequence that lives between its turns; the sides take turns token by token, so that both are seen to grow.
 *
 * What is asked and drawn is what `Model.generate` asks and draws: the same template, kernels and noise.
 */
import type {
  ChatRequest,
  ChatSettings,
  PlaygroundAdapter,
  PlaygroundSide,
  Reply,
  ReplyDelta,
} from '../api/playground.ts';
import type { ChatMessage } from '../api/trainer-api.ts';
import { findAdapterFiles } from '../adapter/adapter-files.ts';
import { splitTrace } from '../alttrain/parts.ts';
import { chatProblem } from '../config/chat-limits.ts';
import type { ChatTokenizer } from '../data/tokenizer.ts';
import type { Adapter } from '../model/adapter.ts';
import { GenerationSession } from '../model/generation-session.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { TrainedRun } from './evaluations.ts';
import type { Model } from './model.ts';
import { ReplyText, tokenChances } from './reply-text.ts';
import { adapterFilesOf, noStore } from './stored-runs.ts';
import { promptIds, toTrace } from './traces.ts';

/** Sessions are made for this many tokens or a multiple of it: a conversation that goes on finds its cache. */
const contextStep = 1024;

export interface ChatWatch {
  readonly signal: AbortSignal;
  readonly onDelta: (delta: ReplyDelta) => void;
}

/** A side of the conversation on the GPU. */
interface Seat {
  readonly session: GenerationSession;
  readonly adapter: Adapter | null;
  readonly context: number; // tokens
}

/** A reply that is being written. */
interface Writing {
  readonly side: PlaygroundSide;
  readonly session: GenerationSession;
  readonly tokens: AsyncGenerator<number[][]>;
  readonly text: ReplyText;
  readonly signal: AbortSignal;
  hasEnded: boolean;
}

export class Playground {
  readonly #model: Model;
  readonly #seats = new Map<PlaygroundSide, Seat>();
  #writing: readonly Writing[] = [];
  #chosen: { readonly key: string; readonly adapter: Adapter } | null = null;

  constructor(model: Model) {
    this.#model = model;
  }

  /** `current`: the run that was trained last. One reply a turn; what is there where `signal` ends it. */
  async chat(
    { turns, adapter: choice, settings }: ChatRequest,
    current: TrainedRun | null,
    { signal, onDelta }: ChatWatch,
  ): Promise<Reply[]> {
    requireSettings(settings);
    const { engine } = this.#model;
    const tokenizer = this.#model.loaded.tokenizer.onDay(settings.templateDate);
    this.#writing = [];
    const isAsked = turns.some(({ side }) => side === 'adapter');
    const adapter = isAsked ? await this.#adapterOf(choice, current) : null;
    const writing: Writing[] = [];
    try {
      for (const { side, messages } of turns) {
        const prompt = promptIds(requireConversation(messages), tokenizer);
        const seat = await this.#seat(side, side === 'adapter' ? adapter : null, prompt.length, settings);
        const { maxNewTokens, temperature, topP, seed, strength } = settings;
        const drawn = { maxNewTokens, temperature, topP, seed, strength, eosIds: tokenizer.eosIds };
        writing.push({
          side,
          session: seat.session,
          tokens: seat.session.stream([prompt], { ...drawn, useAdapter: side === 'adapter' }, { signal }),
          text: new ReplyText(tokenizer),
          signal,
          hasEnded: false,
        });
      }
      this.#writing = writing;
      while (!signal.aborted && writing.some(({ hasEnded }) => !hasEnded))
        for (const reply of writing)
          if (!reply.hasEnded && !signal.aborted) await writeOn(reply, tokenizer, onDelta);
    } finally {
      for (const { tokens } of writing) await tokens.return(undefined); // it notes what its cache holds
    }
    engine.assertHealthy();
    return this.written();
  }

  /** Of the latest question, as far as it is answered. */
  written(): Reply[] {
    const { tokenizer } = this.#model.loaded;
    return this.#writing.map((reply) => replyOf(reply, tokenizer));
  }

  async #adapterOf(choice: PlaygroundAdapter, current: TrainedRun | null): Promise<Adapter> {
    const key = await this.#keyOf(choice, current);
    if (this.#chosen?.key === key) return this.#chosen.adapter;
    this.#leave('adapter');
    this.#model.release(this.#chosen?.adapter ?? null);
    this.#chosen = null;
    const adapter = await this.#model.loadAdapter(await this.#filesOf(choice, current));
    this.#chosen = { key, adapter };
    return adapter;
  }

  /** A stored run may go on elsewhere meanwhile: then its adapter is another. */
  async #keyOf(choice: PlaygroundAdapter, current: TrainedRun | null): Promise<string> {
    if (choice.kind === 'files') return `files ${choice.id}`;
    if (choice.kind !== 'run') return `${choice.kind} ${current?.name ?? ''}`;
    const runs = (await (await this.#model.engine.trainer.runs())?.list()) ?? [];
    const run = runs.find(({ id }) => id === choice.runId);
    return `run ${choice.runId} ${run?.step ?? ''} ${run?.updatedMs ?? ''}`;
  }

  async #filesOf(choice: PlaygroundAdapter, current: TrainedRun | null) {
    switch (choice.kind) {
      case 'files':
        return findAdapterFiles(choice.name, choice.files);
      case 'run': {
        const { trainer } = this.#model.engine;
        if ((await trainer.runs()) === null) throw noStore();
        return trainer.adapterFiles({ runId: choice.runId });
      }
      case 'current':
        if (current !== null) return adapterFilesOf(current.name, await current.files());
        throw new TrainerError(
          'nothing-to-export',
          'There is no adapter yet: train one first, or choose one.',
        );
      case 'none':
        throw new TrainerError('config-invalid', 'Choose an adapter to be asked.');
      default:
        throw new Error(choice satisfies never);
    }
  }

  /** @throws TrainerError "config-invalid", "gpu-out-of-memory" */
  async #seat(
    side: PlaygroundSide,
    adapter: Adapter | null,
    promptTokens: number,
    { maxNewTokens }: ChatSettings,
  ): Promise<Seat> {
    const { decoder, config } = this.#model.loaded;
    const room = config.maxPositions - promptTokens;
    if (room < 1)
      throw new TrainerError(
        'config-invalid',
        `The conversation has ${promptTokens} tokens, and the model reads ${config.maxPositions}. Start a new conversation.`,
      );
    const needed = promptTokens + Math.min(maxNewTokens, room);
    const known = this.#seats.get(side);
    if (known !== undefined && known.adapter === adapter && known.context >= needed) return known;
    this.#leave(side);
    const context = Math.min(Math.ceil(needed / contextStep) * contextStep, config.maxPositions);
    decoder.reservePositions(context);
    const session = await decoder.gpu.memory.checked(
      'the playground',
      () => new GenerationSession(decoder, adapter, 1, context),
    );
    const seat = { session, adapter, context };
    this.#seats.set(side, seat);
    return seat;
  }

  #leave(side: PlaygroundSide): void {
    this.#seats.get(side)?.session.dispose();
    this.#seats.delete(side);
  }

  /** Gives its memory on the GPU back. */
  dispose(): void {
    for (const side of [...this.#seats.keys()]) this.#leave(side);
    this.#model.release(this.#chosen?.adapter ?? null);
    this.#chosen = null;
  }
}

/** One more token, with what the model thought of it. */
async function writeOn(
  reply: Writing,
  tokenizer: ChatTokenizer,
  onDelta: (delta: ReplyDelta) => void,
): Promise<void> {
  const next = await reply.tokens.next();
  const id = next.done === true ? undefined : next.value[0]?.[0];
  if (id === undefined) {
    reply.hasEnded = true;
    return;
  }
  const [logits] = await reply.session.readLogits(1); // those that it was drawn from
  const delta = reply.text.add(id, tokenChances(logits, id, tokenizer));
  onDelta({ side: reply.side, ...delta, parts: splitTrace(reply.text.text) });
}

function requireSettings(settings: ChatSettings): void {
  const problem = chatProblem(settings);
  if (problem !== null) throw new TrainerError('config-invalid', problem);
}

function requireConversation(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  if (messages.at(-1)?.role === 'user') return messages;
  throw new TrainerError('config-invalid', 'A conversation that is answered ends with a user’s turn.');
}

function replyOf({ side, text, signal, hasEnded }: Writing, tokenizer: ChatTokenizer): Reply {
  const tokenIds = [...text.ids];
  const trace = toTrace(tokenIds, tokenizer);
  const content = `${tokenizer.thinkPrefilled ? '<think>\n' : ''}${trace.text}`;
  const isStopped = signal.aborted && !hasEnded;
  const end = trace.finished ? 'finished' : isStopped ? 'stopped' : 'limit';
  return { side, tokenIds, trace, content, end };
}

/** The playground as the page sees it: a conversation with both sides, the replies that are being written, and rows made of them. */
import { batch, effect, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { ChatRequest, PlaygroundSide, Reply, ReplyDelta, ReplyToken } from '../../api/playground.ts';
import type { ChatMessage, TracePart, TraceVerdict, TrainerApi } from '../../api/trainer-api.ts';
import type { Failures } from './failures.ts';
import type { PlaygroundForm } from './playground-form.ts';
import type { SetUp } from './set-up.ts';

/** What comes in meanwhile is drawn at once: the page has other things to do than every token. */
const drawEveryMs = 33;

export interface ReplyState {
  readonly side: PlaygroundSide;
  readonly title: string;
  readonly tokens: ReadonlySignal<readonly ReplyToken[]>;
  readonly parts: ReadonlySignal<readonly TracePart[]>;
  readonly end: ReadonlySignal<'writing' | Reply['end'] | 'failed'>;
  readonly verdict: ReadonlySignal<TraceVerdict | null>;
  /** What the conversation goes on with, and what a row is made of; "" until it has ended. */
  readonly content: Signal<string>;
  readonly isEdited: Signal<boolean>;
}

export interface Exchange {
  readonly id: number;
  readonly question: string;
  readonly replies: readonly ReplyState[];
}

export interface Playground {
  readonly form: PlaygroundForm;
  readonly exchanges: ReadonlySignal<readonly Exchange[]>;
  readonly isWriting: ReadonlySignal<boolean>;
  /** The message that is being typed. */
  readonly message: Signal<string>;
  readonly send: () => Promise<void>;
  /** The last question once more, with the settings of now. */
  readonly askAgain: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly begin: () => void; // a new conversation
  readonly edit: (reply: ReplyState, content: string) => void;
  /** Rows for training, as lines of JSONL. */
  readonly rows: ReadonlySignal<readonly string[]>;
  readonly saveRow: (exchange: Exchange, reply: ReplyState) => void;
  readonly forgetRows: () => void;
}

interface Written extends ReplyState {
  readonly tokens: Signal<readonly ReplyToken[]>;
  readonly parts: Signal<readonly TracePart[]>;
  readonly end: Signal<'writing' | Reply['end'] | 'failed'>;
  readonly verdict: Signal<TraceVerdict | null>;
}

const newReply = (side: PlaygroundSide, title: string): Written => ({
  side,
  title,
  tokens: signal<readonly ReplyToken[]>([]),
  parts: signal<readonly TracePart[]>([]),
  end: signal<'writing' | Reply['end'] | 'failed'>('writing'),
  verdict: signal<TraceVerdict | null>(null),
  content: signal(''),
  isEdited: signal(false),
});

/** The conversation of a side; where it was not asked, the other's reply stands. A question without a reply is left out. */
export function conversationOf(
  exchanges: readonly Exchange[],
  side: PlaygroundSide,
  systemPrompt: string,
): ChatMessage[] {
  const system: ChatMessage[] = systemPrompt === '' ? [] : [{ role: 'system', content: systemPrompt }];
  const turns = exchanges.flatMap(({ question, replies }): ChatMessage[] => {
    const reply = replies.find((one) => one.side === side) ?? replies.at(0);
    const content = reply?.content.peek() ?? '';
    if (content === '') return [];
    return [
      { role: 'user', content: question },
      { role: 'assistant', content },
    ];
  });
  return [...system, ...turns];
}

/** A line of JSONL. Only the last reply is trained: those before are context, as `weight` 0 says. */
export function trainingRow(messages: readonly ChatMessage[]): string {
  const last = messages.length - 1;
  return JSON.stringify({
    messages: messages.map((message, i) =>
      message.role === 'assistant' && i < last ? { ...message, weight: 0 } : message,
    ),
  });
}

export function createPlayground(
  client: TrainerApi,
  failures: Failures,
  setUp: SetUp,
  form: PlaygroundForm,
): Playground {
  const exchanges = signal<readonly Exchange[]>([]);
  const isWriting = signal(false);
  const message = signal('');
  const rows = signal<readonly string[]>([]);
  let count = 0;

  effect(() => {
    void setUp.model.report.value; // another model has said nothing yet
    exchanges.value = [];
  });

  function titleOf(side: PlaygroundSide): string {
    if (side === 'base') return 'Base model';
    const { strength } = form.settings();
    return strength === 1 ? 'Adapter' : `Adapter at ${strength}`;
  }

  async function ask(question: string): Promise<void> {
    const before = exchanges.peek();
    const adapter = form.adapter.peek();
    const sides: readonly PlaygroundSide[] = adapter.kind === 'none' ? ['base'] : ['base', 'adapter'];
    const replies = sides.map((side) => newReply(side, titleOf(side)));
    const systemPrompt = form.systemPrompt.peek();
    const request: ChatRequest = {
      turns: sides.map((side) => ({
        side,
        messages: [...conversationOf(before, side, systemPrompt), { role: 'user', content: question }],
      })),
      adapter,
      settings: form.settings(),
    };
    batch(() => {
      exchanges.value = [...before, { id: count++, question, replies }];
      isWriting.value = true;
      failures.clear('playground');
    });
    const drawing = drawnTogether(replies);
    try {
      const ended = await client.chat(request, drawing.add);
      drawing.end();
      batch(() => replies.forEach((reply) => finish(reply, ended)));
    } catch (error) {
      drawing.end();
      for (const { end } of replies) end.value = 'failed';
      failures.report('playground', error);
    } finally {
      isWriting.value = false;
    }
  }

  return {
    form,
    exchanges,
    isWriting,
    message,
    send: async () => {
      const question = message.peek();
      if (question.trim() === '' || isWriting.peek()) return;
      message.value = '';
      await ask(question);
    },
    askAgain: async () => {
      const last = exchanges.peek().at(-1);
      if (last === undefined || isWriting.peek()) return;
      exchanges.value = exchanges.peek().slice(0, -1);
      await ask(last.question);
    },
    stop: async () => {
      if (isWriting.peek()) await client.stopChat();
    },
    begin: () => {
      if (!isWriting.peek()) exchanges.value = [];
    },
    edit: (reply, content) =>
      batch(() => {
        reply.content.value = content;
        reply.isEdited.value = true;
      }),
    rows,
    saveRow: (exchange, reply) => {
      const before = exchanges.peek().slice(0, exchanges.peek().indexOf(exchange));
      const row = trainingRow([
        ...conversationOf(before, reply.side, form.systemPrompt.peek()),
        { role: 'user', content: exchange.question },
        { role: 'assistant', content: reply.content.peek() },
      ]);
      if (!rows.peek().includes(row)) rows.value = [...rows.peek(), row];
    },
    forgetRows: () => (rows.value = []),
  };
}

function finish(reply: Written, ended: readonly Reply[]): void {
  const own = ended.find(({ side }) => side === reply.side);
  reply.end.value = own?.end ?? 'stopped'; // before anything was asked
  if (own === undefined) return;
  reply.parts.value = own.trace.parts;
  reply.verdict.value = own.trace.verdict ?? null;
  reply.content.value = own.trace.text === '' ? '' : own.content;
}

/** Puts what comes in into the replies, some times a second. */
function drawnTogether(replies: readonly Written[]) {
  const waiting: ReplyDelta[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const draw = (): void => {
    timer = null;
    batch(() => {
      for (const { side, tokens, parts } of replies) {
        const own = waiting.filter((delta) => delta.side === side);
        if (own.length === 0) continue;
        const grown = [...tokens.peek()];
        for (const delta of own) grown.splice(delta.from, Infinity, ...delta.tokens);
        tokens.value = grown;
        parts.value = own[own.length - 1].parts;
      }
    });
    waiting.length = 0;
  };
  return {
    add: (delta: ReplyDelta): void => {
      waiting.push(delta);
      timer ??= setTimeout(draw, drawEveryMs);
    },
    end: (): void => {
      if (timer !== null) clearTimeout(timer);
      draw();
    },
  };
}

import { useSignal, type Signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useId, useRef } from 'preact/hooks';
import type { ReplyToken } from '../../api/playground.ts';
import { formatPercent } from '../format.ts';
import { placeTokens, tokenName, type PlacedPart } from '../reply-layout.ts';
import { useApp } from '../state/app-state.ts';
import type { Exchange, ReplyState } from '../state/playground.ts';
import { partNames, VerdictView } from './trace-view.tsx';

interface ReplyProps {
  readonly exchange: Exchange;
  readonly reply: ReplyState;
}

const endWords: Readonly<Record<string, { readonly word: string; readonly why: string }>> = {
  limit: {
    word: 'cut off',
    why: 'The limit of new tokens, or of the model’s context, was reached before the end',
  },
  stopped: { word: 'stopped', why: 'You stopped it' },
  failed: { word: 'failed', why: 'See the message above' },
};

/** One side's reply: its thought folds, its parts are coloured, its tokens say how likely they were. */
export function ReplyView({ exchange, reply }: ReplyProps) {
  const isEditing = useSignal(false);
  const end = reply.end.value;
  const badge = endWords[end];
  return (
    <article class="trace reply" aria-label={reply.title} aria-busy={end === 'writing'}>
      <header class="trace-head">
        <h3>{reply.title}</h3>
        {end === 'writing' && <span class="badge">writing</span>}
        {badge !== undefined && (
          <span class="badge" title={badge.why}>
            {badge.word}
          </span>
        )}
        {reply.isEdited.value && <span class="badge">edited</span>}
      </header>
      {isEditing.value ? (
        <Editor exchange={exchange} reply={reply} isEditing={isEditing} />
      ) : reply.isEdited.value ? (
        <p class="edited-text">{reply.content.value}</p>
      ) : (
        <ReplyText reply={reply} />
      )}
      {!isEditing.value && reply.verdict.value !== null && !reply.isEdited.value && (
        <VerdictView verdict={reply.verdict.value} />
      )}
      {!isEditing.value && reply.content.value !== '' && (
        <ReplyActions exchange={exchange} reply={reply} isEditing={isEditing} />
      )}
    </article>
  );
}

function ReplyActions({ exchange, reply, isEditing }: ReplyProps & { readonly isEditing: Signal<boolean> }) {
  const { playground } = useApp();
  // How one that was cut off ends, nobody should be taught.
  const isWhole = reply.end.value === 'finished' || reply.isEdited.value;
  return (
    <div class="run-actions">
      <button
        type="button"
        class="button quiet small-button"
        aria-label={`Edit the reply of ${reply.title}`}
        onClick={() => (isEditing.value = true)}
      >
        Edit
      </button>
      <button
        type="button"
        class="button quiet small-button"
        aria-label={`Save as a training row: the reply of ${reply.title}`}
        onClick={() => {
          if (isWhole) playground.saveRow(exchange, reply);
          else isEditing.value = true;
        }}
      >
        Save as a training row
      </button>
    </div>
  );
}

function Editor({ exchange, reply, isEditing }: ReplyProps & { readonly isEditing: Signal<boolean> }) {
  const { playground } = useApp();
  const id = useId();
  const text = useSignal(reply.content.peek());
  const isEmpty = text.value.trim() === '';
  const keep = (): void => {
    playground.edit(reply, text.value);
    isEditing.value = false;
  };
  return (
    <div class="reply-editor">
      <label class="small" for={id}>
        What {reply.title} should have said
      </label>
      <textarea
        id={id}
        class="control"
        rows={8}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      <p class="small muted">
        The thought stands between &lt;think&gt; and &lt;/think&gt;. The conversation goes on with what stands
        here.
      </p>
      <div class="run-actions">
        <button
          type="button"
          class="button small-button"
          disabled={isEmpty}
          onClick={() => {
            keep();
            playground.saveRow(exchange, reply);
          }}
        >
          Save as a training row
        </button>
        <button type="button" class="button small-button" disabled={isEmpty} onClick={keep}>
          Keep the edit
        </button>
        <button type="button" class="button quiet small-button" onClick={() => (isEditing.value = false)}>
          Discard the edit
        </button>
      </div>
    </div>
  );
}

function ReplyText({ reply }: { readonly reply: ReplyState }) {
  const pointed = useSignal<number | null>(null);
  const tokens = reply.tokens.value;
  const parts = placeTokens(tokens, reply.parts.value);
  const end = reply.end.value;
  if (tokens.length === 0)
    return <p class="empty">{end === 'writing' ? 'Reading the question …' : 'Nothing was written.'}</p>;
  const answer = parts.filter(({ kind }) => kind === 'answer');
  const thought = parts.filter(({ kind }) => kind !== 'answer');
  const move = (step: number): void => {
    const from = pointed.peek() ?? (step > 0 ? -1 : tokens.length);
    pointed.value = Math.min(Math.max(from + step, 0), tokens.length - 1);
  };
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    Home: -Infinity,
    End: Infinity,
  };
  return (
    <>
      <div
        class="reply-text"
        role="group"
        tabIndex={0}
        aria-label={`Tokens of ${reply.title}: the arrow keys go through them`}
        onKeyDown={(event) => {
          const step = steps[event.key];
          if (step === undefined || event.target !== event.currentTarget) return;
          event.preventDefault();
          move(step);
        }}
        onPointerOver={(event) => {
          const { index } = (event.target as HTMLElement).dataset;
          if (index !== undefined) pointed.value = Number(index);
        }}
        onPointerLeave={() => (pointed.value = null)}
        onBlur={() => (pointed.value = null)}
      >
        {thought.length > 0 && (
          <Thought parts={thought} tokens={tokens} pointed={pointed.value} isOver={answer.length > 0} />
        )}
        {answer.map((part, i) => (
          <Part key={i} part={part} tokens={tokens} pointed={pointed.value} />
        ))}
      </div>
      <TokenChances token={pointed.value === null ? undefined : tokens[pointed.value]} />
    </>
  );
}

interface PartsProps {
  readonly parts: readonly PlacedPart[];
  readonly tokens: readonly ReplyToken[];
  readonly pointed: number | null;
}

/** Open while it is being thought, folded when the answer begins; then as the user has it. */
function Thought({ parts, tokens, pointed, isOver }: PartsProps & { readonly isOver: boolean }) {
  const chosen = useSignal<boolean | null>(null);
  const isOpen = chosen.value ?? !isOver;
  const count = parts.reduce((sum, part) => sum + part.tokens.length, 0);
  const kinds = [...new Set(parts.map(({ kind }) => kind))].filter((kind) => kind !== 'other');
  return (
    <details
      class="thought"
      open={isOpen}
      onToggle={(event) => {
        const { open } = event.currentTarget;
        if (open !== isOpen) chosen.value = open;
      }}
    >
      <summary>
        Thought{' '}
        {kinds.map((kind) => (
          <span key={kind} class="part-label thought-kind" data-kind={kind} title={partNames[kind].meaning}>
            {partNames[kind].label}
          </span>
        ))}{' '}
        <span class="muted small">{count} tokens</span>
      </summary>
      {parts.map((part, i) => (
        <Part key={i} part={part} tokens={tokens} pointed={pointed} />
      ))}
    </details>
  );
}

function Part({ part, tokens, pointed }: Omit<PartsProps, 'parts'> & { readonly part: PlacedPart }) {
  const { label, meaning } = partNames[part.kind];
  return (
    <p class="part" data-kind={part.kind}>
      <span class="part-label" title={meaning}>
        {label}
      </span>
      <span class="part-text">
        <Tokens part={part} tokens={tokens} pointed={pointed} />
      </span>
    </p>
  );
}

const tokensPerChunk = 64;
const unsure = 0.5; // less likely tokens are underlined

/** What has not changed is not drawn again: a reply of thousands of tokens grows many times a second. */
function Tokens({ part, tokens, pointed }: Omit<PartsProps, 'parts'> & { readonly part: PlacedPart }) {
  const drawn = useRef(new Map<number, { readonly key: string; readonly spans: VNode[] }>());
  const chunks: VNode[][] = [];
  for (let first = 0; first < part.tokens.length; first += tokensPerChunk) {
    const own = part.tokens.slice(first, first + tokensPerChunk);
    const marked = own.some(({ index }) => index === pointed) ? pointed : null;
    const key = `${own[0].index} ${own.length} ${marked} ${own.map(({ text }) => text).join('|')}`;
    const known = drawn.current.get(first);
    const spans =
      known?.key === key
        ? known.spans
        : own.map(({ index, text }) => (
            <span
              key={index}
              data-index={index}
              class={`reply-token ${tokens[index].probability < unsure ? 'unsure' : ''} ${index === marked ? 'pointed' : ''}`}
            >
              {text}
            </span>
          ));
    drawn.current.set(first, { key, spans });
    chunks.push(spans);
  }
  return <>{chunks}</>;
}

/** How likely the token was that is pointed at, and what else could have stood there. Always takes its lines. */
function TokenChances({ token }: { readonly token: ReplyToken | undefined }) {
  if (token === undefined)
    return (
      <p class="token-chances small muted" aria-live="polite">
        Underlined: less likely than not.
      </p>
    );
  const others = token.likeliest.filter(({ name }) => name !== token.name);
  return (
    <p class="token-chances small" aria-live="polite">
      <strong class="token-name">{tokenName(token.name)}</strong> {formatPercent(token.probability)}
      {others.map(({ name, probability }) => (
        <span key={name} class="other-chance">
          {' · '}
          <span class="token-name">{tokenName(name)}</span> {formatPercent(probability)}
        </span>
      ))}
    </p>
  );
}

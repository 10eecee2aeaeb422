import { useEffect, useRef } from 'preact/hooks';
import { formatCountOf } from '../format.ts';
import { useApp, type AppState } from '../state/app-state.ts';
import { FailureAlert } from './failure-alert.tsx';
import { ReplyView } from './playground-reply.tsx';
import { PlaygroundSettings } from './playground-settings.tsx';

/** A conversation with the base model and with an adapter, side by side. */
export function PlaygroundPanel() {
  const app = useApp();
  const { playground } = app;
  const { exchanges, isWriting } = playground;
  const blocker = whyNotChat(app);
  return (
    <section
      class="panel playground"
      aria-label="Playground"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !isWriting.value) return;
        event.preventDefault();
        void playground.stop();
      }}
    >
      <div class="panel-head">
        <h2>Playground</h2>
        {exchanges.value.length > 0 && (
          <button
            type="button"
            class="button quiet small-button"
            disabled={isWriting.value}
            onClick={playground.begin}
          >
            New conversation
          </button>
        )}
      </div>
      <PlaygroundSettings />
      <FailureAlert scope="playground" />
      <Conversation />
      <Composer blocker={blocker} />
      <SavedRows />
    </section>
  );
}

function Conversation() {
  const { playground } = useApp();
  const exchanges = playground.exchanges.value;
  if (exchanges.length === 0)
    return (
      <p class="empty">
        Ask something: the base model and the adapter answer side by side, with the same seed. Point at a word
        of a reply, and it says how likely the model found it.
      </p>
    );
  return (
    <ol class="conversation" aria-label="Conversation">
      {exchanges.map((exchange) => (
        <li key={exchange.id}>
          <p class="question">{exchange.question}</p>
          <div class="replies" data-count={exchange.replies.length}>
            {exchange.replies.map((reply) => (
              <ReplyView key={reply.side} exchange={exchange} reply={reply} />
            ))}
          </div>
        </li>
      ))}
    </ol>
  );
}

function Composer({ blocker }: { readonly blocker: string | null }) {
  const { playground } = useApp();
  const { message, isWriting, exchanges } = playground;
  const input = useRef<HTMLTextAreaElement>(null);
  const isBusy = isWriting.value;
  const wasBusy = useRef(false);
  useEffect(() => {
    // The focus goes back to where one types on, unless it has gone elsewhere meanwhile.
    if (wasBusy.current && !isBusy && document.activeElement === document.body) input.current?.focus();
    wasBusy.current = isBusy;
  }, [isBusy]);
  const canSend = blocker === null && !isBusy && message.value.trim() !== '';
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        if (canSend) void playground.send();
      }}
    >
      <textarea
        class="control"
        ref={input}
        rows={2}
        aria-label="Message"
        aria-describedby="playground-note"
        placeholder="Write a message"
        value={message.value}
        onInput={(event) => (message.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          if (canSend) void playground.send();
        }}
      />
      <div class="composer-actions">
        {isBusy ? (
          <button type="button" class="button danger" onClick={() => void playground.stop()}>
            Stop answering
          </button>
        ) : (
          <button type="submit" class="button" disabled={!canSend}>
            Send
          </button>
        )}
        {exchanges.value.length > 0 && (
          <button
            type="button"
            class="button quiet"
            disabled={isBusy || blocker !== null}
            onClick={() => void playground.askAgain()}
          >
            Ask again
          </button>
        )}
        <p class="small muted" id="playground-note">
          {blocker ?? 'Enter sends, Shift + Enter begins a line, Escape stops.'}
        </p>
      </div>
    </form>
  );
}

function SavedRows() {
  const app = useApp();
  const { playground, run } = app;
  const count = playground.rows.value.length;
  if (count === 0) return null;
  const addedTo = app.fileToAddTo.value;
  const isLocked = run.isActive.value;
  return (
    <section class="saved-rows" aria-label="Rows made of replies">
      <p>
        <strong>{formatCountOf(count, 'training row')}</strong>{' '}
        <span class="muted">made of replies. They are gone when the page is closed.</span>
      </p>
      <div class="run-actions">
        <button type="button" class="button small-button" onClick={app.downloadRowsOfReplies}>
          Download the rows
        </button>
        {addedTo !== null && (
          <button
            type="button"
            class="button small-button"
            disabled={isLocked}
            onClick={() => void app.trainOnReplies(true)}
          >
            Add them to {addedTo}
          </button>
        )}
        <button
          type="button"
          class="button small-button"
          disabled={isLocked}
          onClick={() => void app.trainOnReplies(false)}
        >
          Use only them as the dataset
        </button>
        <button type="button" class="button quiet small-button" onClick={playground.forgetRows}>
          Forget them
        </button>
      </div>
    </section>
  );
}

function whyNotChat({ setUp, run, evaluations, failures, playground }: AppState): string | null {
  if (failures.of('device').value !== null) return 'The playground needs WebGPU: see the message at the top.';
  if (run.isActive.value)
    return 'A run is under way: it uses the GPU. The playground is back when it has ended.';
  if (evaluations.isActive.value) return 'An evaluation is under way: it uses the GPU.';
  if (setUp.model.progress.value !== null) return 'Loading the model …';
  if (setUp.unmetModel.value !== null) return 'Load the model that is chosen, or go back to the one before.';
  if (setUp.model.report.value === null) return 'Choose a model first.';
  return playground.form.problem.value;
}

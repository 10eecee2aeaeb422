import { useEffect, useState } from 'preact/hooks';
import type { StoredEvaluation } from '../../api/evaluations.ts';
import { useApp } from '../state/app-state.ts';

/** By which phrases refusals are told: to be read, and changed under a version of their own. */
export function RefusalPhrasesForm({ evaluation }: { readonly evaluation: StoredEvaluation }) {
  const { client, evaluations } = useApp();
  const [text, setText] = useState('');
  const version = evaluation.phrases?.version ?? null;
  useEffect(() => {
    let isCurrent = true;
    void client.refusalPhrasesOf(evaluation.id).then((phrases) => {
      if (isCurrent) setText(JSON.stringify(phrases, null, 1));
    });
    return () => {
      isCurrent = false;
    };
  }, [evaluation.id, version]);
  const phrases = parsed(text);
  const isBusy = evaluations.isActive.value;
  return (
    <details class="fold">
      <summary>Phrases of refusal{version === null ? '' : ` (yours: ${version})`}</summary>
      <p class="small muted">
        The refusal judge looks for these. Change them under another “version”, which then stands beside the
        figures; the same list can be given to the command with --refusal-phrases.
      </p>
      <textarea
        class="control phrases"
        aria-label="Phrases of refusal"
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <div class="run-actions">
        <button
          type="button"
          class="button small-button"
          disabled={isBusy || phrases === null}
          onClick={() => void evaluations.useRefusalPhrases(phrases)}
        >
          Judge by these phrases
        </button>
        {version !== null && (
          <button
            type="button"
            class="button quiet small-button"
            disabled={isBusy}
            onClick={() => void evaluations.useRefusalPhrases(null)}
          >
            Back to the built-in phrases
          </button>
        )}
      </div>
      {phrases === null && text !== '' && <p class="small muted">This is no JSON.</p>}
    </details>
  );
}

/** The worker says what of it cannot be used; here only whether it is JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

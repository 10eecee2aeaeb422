/** What is typed to name a repository of the hub, as the source the worker is given. */
import { signal, type Signal } from '@preact/signals';
import type { HubDatasetSource } from '../../api/trainer-api.ts';
import { isLoopback } from '../../support/loopback.ts';

export interface HubFields {
  readonly id: Signal<string>; // as typed
  readonly revision: Signal<string>;
  /** In memory while the page is open: never stored, and gone with it. */
  readonly token: Signal<string>;
}
/** The same for a model and for a dataset. */
export type HubSource = Omit<HubDatasetSource, 'path'>;

const idPattern = /^[\w.-]+\/[\w.-]+$/;

export function createHubFields(): HubFields & { readonly source: () => HubSource | null } {
  const [id, revision, token] = [signal(''), signal(''), signal('')];
  const hubUrl = localHub(globalThis.location);
  return {
    id,
    revision,
    token,
    /** null: what is typed names nothing. */
    source: () => {
      const named = id.value.trim();
      if (!idPattern.test(named)) return null;
      const [wanted, secret] = [revision.value.trim(), token.value.trim()];
      return {
        kind: 'hub',
        id: named,
        ...(wanted === '' ? {} : { revision: wanted }),
        ...(secret === '' ? {} : { token: secret }),
        ...(hubUrl === null ? {} : { hubUrl }),
      };
    },
  };
}

/** `?hub=http://127.0.0.1:…` for development. Only this computer: a link must not lead a token to somebody else's server. */
function localHub({ search }: Location): string | null {
  const given = new URLSearchParams(search).get('hub');
  if (given === null || !URL.canParse(given)) return null;
  return isLoopback(new URL(given).hostname) ? given : null;
}

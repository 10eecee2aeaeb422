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
        ...localHub(),
      };
    },
  };
}

/** `?hub=http://127.0.0.1:…` for development. Only this computer: a link must not lead a token to somebody else's server. */
export function localHub(): { readonly hubUrl?: string } {
  const given = new URLSearchParams(globalThis.location.search).get('hub');
  if (given === null || !URL.canParse(given)) return {};
  return isLoopback(new URL(given).hostname) ? { hubUrl: given } : {};
}

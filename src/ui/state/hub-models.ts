/** The hub's models in the page: those that are offered, those that are kept here, and what is typed to name another. */
import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { CuratedModel, KeptModel, ModelSource, TrainerApi } from '../../api/trainer-api.ts';
import type { Failures } from './failures.ts';

export interface HubModels {
  readonly curated: ReadonlySignal<readonly CuratedModel[]>;
  readonly kept: ReadonlySignal<readonly KeptModel[]>;
  readonly id: Signal<string>; // as typed
  readonly revision: Signal<string>;
  /** In memory while the page is open: never stored, and gone with it. */
  readonly token: Signal<string>;
  /** null: what is typed names no model. */
  readonly source: () => ModelSource | null;
  readonly refresh: () => Promise<void>;
  readonly remove: (model: KeptModel) => Promise<void>;
  readonly removeAll: () => Promise<void>;
}

const idPattern = /^[\w.-]+\/[\w.-]+$/;

export function createHubModels(client: TrainerApi, failures: Failures): HubModels {
  const curated = signal<readonly CuratedModel[]>([]);
  const kept = signal<readonly KeptModel[]>([]);
  const [id, revision, token] = [signal(''), signal(''), signal('')];
  const hubUrl = localHub(globalThis.location);

  const attempt = async (action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      failures.report('model', error);
    }
  };
  const readKept = async (): Promise<void> => {
    kept.value = await client.listKept();
  };
  return {
    curated,
    kept,
    id,
    revision,
    token,
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
    refresh: () =>
      attempt(async () => {
        if (curated.value.length === 0) curated.value = await client.listCurated();
        await readKept();
      }),
    remove: (model) =>
      attempt(async () => {
        const { repo, commit, quantization } = model;
        await client.removeKept({ repo, commit, quantization });
        await readKept();
      }),
    removeAll: () =>
      attempt(async () => {
        await client.removeAllKept();
        await readKept();
      }),
  };
}

/** `?hub=http://127.0.0.1:…` for development. Only this computer: a link must not lead a token to somebody else's server. */
function localHub({ search }: Location): string | null {
  const given = new URLSearchParams(search).get('hub');
  if (given === null || !URL.canParse(given)) return null;
  return ['localhost', '127.0.0.1', '[::1]'].includes(new URL(given).hostname) ? given : null;
}

/** An export on its way to the hub: what is typed, what would be sent, how far it is, and where it then is. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { ExportRequest, PlannedFile, PushReport } from '../../api/exports.ts';
import type { LoadProgress, TrainerApi } from '../../api/trainer-api.ts';
import type { Failures } from './failures.ts';
import { localHub } from './hub-source.ts';

export interface Push {
  readonly repo: Signal<string>;
  /** In memory while the page is open: never stored, and gone with it. */
  readonly token: Signal<string>;
  readonly isPrivate: Signal<boolean>;
  readonly addsToExisting: Signal<boolean>;
  /** null: not asked for, or something has changed since. */
  readonly plan: ReadonlySignal<readonly PlannedFile[] | null>;
  readonly progress: ReadonlySignal<LoadProgress | null>;
  readonly report: ReadonlySignal<PushReport | null>;
  readonly isBusy: ReadonlySignal<boolean>;
  readonly isNamed: ReadonlySignal<boolean>;
  readonly show: () => Promise<void>;
  readonly send: () => Promise<void>;
  readonly cancel: () => Promise<void>;
  /** What was shown is not what would be sent now. */
  readonly forget: () => void;
}

/** @param requested what is to be sent; null: nothing is open */
export function createPush(
  client: TrainerApi,
  failures: Failures,
  requested: () => Promise<ExportRequest | null>,
): Push {
  const [repo, token] = [signal(''), signal('')];
  const [isPrivate, addsToExisting] = [signal(true), signal(false)];
  const plan = signal<readonly PlannedFile[] | null>(null);
  const progress = signal<LoadProgress | null>(null);
  const report = signal<PushReport | null>(null);
  const isPlanning = signal(false);
  const attempt = async (action: (request: ExportRequest) => Promise<void>): Promise<void> => {
    failures.clear('export');
    try {
      const request = await requested();
      if (request !== null) await action(request);
    } catch (error) {
      failures.report('export', error);
    }
  };
  return {
    repo,
    token,
    isPrivate,
    addsToExisting,
    plan,
    progress,
    report,
    isBusy: computed(() => isPlanning.value || progress.value !== null),
    isNamed: computed(() => repo.value.trim() !== '' && token.value.trim() !== ''),
    show: async () => {
      report.value = null;
      isPlanning.value = true;
      await attempt(async (request) => {
        plan.value = await client.planPush(request);
      });
      isPlanning.value = false;
    },
    send: async () => {
      if (plan.peek() === null || progress.peek() !== null) return;
      progress.value = { done: 0, total: 0, note: 'Writing the files' };
      await attempt(async (request) => {
        const target = {
          repo: repo.peek().trim(),
          token: token.peek().trim(),
          isPrivate: isPrivate.peek(),
          addsToExisting: addsToExisting.peek(),
          ...localHub(),
        };
        report.value = await client.pushToHub({ ...request, target }, (now) => {
          if (progress.peek() !== null) progress.value = now;
        });
        plan.value = null;
      });
      progress.value = null;
    },
    cancel: async () => {
      if (progress.peek() !== null) await client.cancelPush();
    },
    forget: () => {
      plan.value = null;
      report.value = null;
    },
  };
}

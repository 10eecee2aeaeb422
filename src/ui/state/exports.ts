/** A trained adapter in other formats: what is chosen, and the download of it or its way to the hub. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { StoredRun } from '../../api/stored-runs.ts';
import type { ExportRequest } from '../../api/exports.ts';
import type { LoadProgress, TrainerApi } from '../../api/trainer-api.ts';
import type { ExportDtype, ExportFormat } from '../../config/export-choices.ts';
import { runName } from '../../support/run-name.ts';
import type { Failures } from './failures.ts';
import { createPush, type Push } from './push.ts';
import type { Run } from './run.ts';

/** What the dialog is open for. */
interface ExportSource {
  readonly name: string;
  readonly model: string;
  readonly runId: string | null;
  /** null: its run is kept, and the trainer has the files. */
  zip(): Promise<Blob | null>;
}

export interface Exports {
  readonly source: ReadonlySignal<ExportSource | null>;
  readonly formats: Signal<readonly ExportFormat[]>;
  readonly dtype: Signal<ExportDtype>;
  readonly isBusy: ReadonlySignal<boolean>;
  /** Of a download; null: none is being made. */
  readonly progress: ReadonlySignal<LoadProgress | null>;
  readonly goesToHub: Signal<boolean>;
  readonly push: Push;
  /** What the page has trained, or shows. */
  readonly openCurrent: (model: string) => void;
  readonly openStored: (run: StoredRun) => void;
  readonly close: () => void;
  readonly cancel: () => Promise<void>;
  /** Gives whether it went well. */
  readonly download: (save: (zip: Blob, model: string) => void) => Promise<boolean>;
}

export function createExports(client: TrainerApi, failures: Failures, run: Run): Exports {
  const source = signal<ExportSource | null>(null);
  const formats = signal<readonly ExportFormat[]>(['gguf']);
  const dtype = signal<ExportDtype>('f32');
  const progress = signal<LoadProgress | null>(null);
  const request = async (from: ExportSource): Promise<ExportRequest> => ({
    zip: await from.zip(),
    runId: from.runId,
    formats: formats.peek(),
    dtype: dtype.peek(),
  });
  const push = createPush(client, failures, async () => {
    const from = source.peek();
    return from === null ? null : request(from);
  });
  const isBusy = computed(() => progress.value !== null || push.isBusy.value);
  const cancel = async (): Promise<void> => {
    if (progress.peek() !== null) await client.cancelExport();
  };
  const open = (next: ExportSource): void => {
    failures.clear('export');
    push.forget();
    source.value = next;
  };
  return {
    source,
    formats,
    dtype,
    isBusy,
    progress,
    goesToHub: signal(false),
    push,
    openCurrent: (model) =>
      open({
        name: 'the adapter',
        model,
        runId: run.id.peek(),
        zip: () => (run.isKept.peek() ? Promise.resolve(null) : run.adapterZip()),
      }),
    openStored: (stored) =>
      open({
        name: runName(stored),
        model: stored.model.name,
        runId: stored.id,
        zip: () => Promise.resolve(null),
      }),
    cancel,
    close: () => {
      void push.cancel();
      void cancel();
      source.value = null;
    },
    download: async (save) => {
      const from = source.peek();
      if (from === null || isBusy.peek()) return false;
      progress.value = { done: 0, total: 0, note: 'Writing the files' };
      failures.clear('export');
      try {
        const zip = await client.exportAs(await request(from), (now) => {
          if (progress.peek() !== null) progress.value = now;
        });
        save(zip, from.model);
        return true;
      } catch (error) {
        failures.report('export', error);
        return false;
      } finally {
        progress.value = null;
      }
    },
  };
}

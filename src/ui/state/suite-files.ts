/** The suites that an evaluation can ask: those of the demo while its model is open, and files that were dropped. */
import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type { SuiteFile, SuiteFileReport, SuiteSource } from '../../api/evaluations.ts';
import type { HubDatasetSource, TrainerApi } from '../../api/trainer-api.ts';
import { parseHubAddress } from '../../support/hub-address.ts';
import { toWire, type WireError } from '../../support/trainer-error.ts';
import { localHub } from './hub-source.ts';
import type { SetUp } from './set-up.ts';

/** A file of suites, recognised or refused. */
export interface OfferedFile {
  readonly id: number;
  readonly name: string;
  readonly source: SuiteSource;
  readonly mapping: readonly string[];
  readonly report: SuiteFileReport | null; // null: being read, or refused
  readonly failure: WireError | null;
  /** Names of its suites that are to be asked. */
  readonly chosen: readonly string[];
}

export interface SuiteFiles {
  readonly offered: ReadonlySignal<readonly OfferedFile[]>;
  /** What is to be asked; files of which nothing is chosen are left out. */
  readonly chosen: ReadonlySignal<readonly SuiteFile[]>;
  /** Prompts of the chosen suites. */
  readonly chosenRows: ReadonlySignal<readonly number[]>; // one number per suite
  readonly add: (files: readonly File[]) => Promise<void>;
  /** A dataset of the hub, as `hubSuite` reads it. */
  readonly addFromHub: (address: string) => Promise<void>;
  readonly remove: (id: number) => void;
  /** Reads a file again, with its columns as the user says. */
  readonly map: (id: number, mapping: readonly string[]) => Promise<void>;
  readonly choose: (id: number, name: string, isChosen: boolean) => void;
  /** Offers the demo's suites where the demo's model is open, and else no more. */
  readonly followModel: () => Promise<void>;
}

/** "owner/name", with @revision and /path where needed, or the same as an hf:// address; null: it names none. */
export function hubSuite(typed: string): HubDatasetSource | null {
  const address = typed.trim().replace(/^(?!hf:)(?:datasets\/)?/, 'hf://datasets/');
  try {
    const found = parseHubAddress(address);
    if (found === null) return null;
    const { id, revision, path } = found;
    return {
      ...{ kind: 'hub', id },
      ...(revision === null ? {} : { revision }),
      ...(path === null ? {} : { path }),
      ...localHub(),
    };
  } catch {
    return null; // as it is typed
  }
}

export function createSuiteFiles(client: TrainerApi, setUp: SetUp): SuiteFiles {
  const offered = signal<readonly OfferedFile[]>([]);
  let nextId = 1;

  const change = (id: number, to: Partial<OfferedFile>): void => {
    offered.value = offered.peek().map((file) => (file.id === id ? { ...file, ...to } : file));
  };

  async function read(id: number, source: SuiteSource, mapping: readonly string[]): Promise<void> {
    change(id, { mapping, report: null, failure: null });
    try {
      const report = await client.readSuites({ source, mapping });
      change(id, { report, chosen: report.suites.map(({ name }) => name) });
    } catch (error) {
      change(id, { failure: toWire(error), chosen: [] });
    }
  }

  function offer(name: string, source: SuiteSource): Promise<void> {
    const id = nextId++;
    const file: OfferedFile = { id, name, source, mapping: [], report: null, failure: null, chosen: [] };
    offered.value = source.kind === 'demo' ? [file, ...offered.peek()] : [...offered.peek(), file];
    return read(id, source, []);
  }

  const chosenSuites = computed(() =>
    offered.value.flatMap(({ report, chosen }) =>
      (report?.suites ?? []).filter(({ name }) => chosen.includes(name)),
    ),
  );

  return {
    offered,
    chosen: computed(() =>
      offered.value
        .filter(({ report, chosen }) => report !== null && chosen.length > 0)
        .map(({ source, mapping, chosen }) => ({ source, mapping, names: chosen })),
    ),
    chosenRows: computed(() => chosenSuites.value.map(({ rows }) => rows)),
    add: async (files) => {
      for (const file of files) await offer(file.name, { kind: 'file', name: file.name, file });
    },
    addFromHub: async (typed) => {
      const source = hubSuite(typed);
      if (source !== null) await offer(typed.trim(), source);
    },
    remove: (id) => {
      offered.value = offered.peek().filter((file) => file.id !== id);
    },
    map: async (id, mapping) => {
      const file = offered.peek().find((one) => one.id === id);
      if (file !== undefined) await read(id, file.source, mapping);
    },
    choose: (id, name, isChosen) => {
      const file = offered.peek().find((one) => one.id === id);
      if (file === undefined) return;
      const others = file.chosen.filter((one) => one !== name);
      change(id, { chosen: isChosen ? [...others, name] : others });
    },
    followModel: async () => {
      const isDemo = setUp.model.report.value !== null && setUp.modelSource.value.kind === 'demo';
      const demo = offered.peek().find(({ source }) => source.kind === 'demo');
      if (isDemo && demo === undefined) await offer('Suites of the demo', { kind: 'demo' });
      if (!isDemo && demo !== undefined) offered.value = offered.peek().filter((file) => file !== demo);
    },
  };
}

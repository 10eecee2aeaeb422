/** Writes the cases of configurations and adapters into a folder, for both sides to read. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRng, type Rng } from '../../../src/support/rng.ts';
import { adapterChanges, adapterTensors, newAdapter } from './adapter-changes.ts';
import { drawKinds, type Case, type Json } from './cases.ts';
import { configChanges } from './config-changes.ts';
import { families, knownIds, newDraft, writeDraft } from './model-draft.ts';
import { safetensorsBytes } from './weights.ts';

export interface ModelCase extends Case {
  readonly folder: string;
  readonly adapter: string | null;
  readonly rows: readonly (readonly number[])[];
  readonly config: Json; // the one that is varied, for the report
}

/** Three rows of words of the tokenizer, long enough for rope and windows to matter. */
const tokenRows = (rng: Rng): number[][] =>
  [9, 33, 24].map((length) => Array.from({ length }, () => rng.below(knownIds)));

export function writeConfigCases(folder: string, seed: number, count: number): ModelCase[] {
  return Array.from({ length: count }, (_, index) => {
    const rng = createRng(seed * 100_003 + index);
    const draft = newDraft(families[index % families.length], seed + (index % 7), rng);
    const makers = drawKinds(
      rng,
      configChanges,
      Math.floor(index / families.length) + (index % families.length) * 17,
    );
    const changes = makers.map((make) => make(draft, rng));
    const id = `config-${index}`;
    writeDraft(draft, join(folder, id));
    return {
      id,
      changes,
      folder: join(folder, id),
      adapter: null,
      rows: tokenRows(rng),
      config: draft.config,
    };
  });
}

export function writeAdapterCases(folder: string, seed: number, count: number): ModelCase[] {
  const bases = families.map((family) => {
    const draft = newDraft(family, seed, createRng(seed));
    const base = join(folder, `base-${family}`);
    writeDraft(draft, base);
    return base;
  });
  return Array.from({ length: count }, (_, index) => {
    const rng = createRng(seed * 200_003 + index);
    const which = index % families.length;
    const draft = newAdapter(families[which], seed + index, rng);
    const makers = drawKinds(rng, adapterChanges, Math.floor(index / families.length) + which * 13);
    const changes = makers.map((make) => make(draft, rng));
    const id = `adapter-${index}`;
    const adapter = join(folder, id);
    mkdirSync(adapter, { recursive: true });
    writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify(draft.config, null, 1));
    writeFileSync(
      join(adapter, 'adapter_model.safetensors'),
      safetensorsBytes(adapterTensors(draft), { format: 'pt' }),
    );
    return { id, changes, folder: bases[which], adapter, rows: tokenRows(rng), config: draft.config };
  });
}

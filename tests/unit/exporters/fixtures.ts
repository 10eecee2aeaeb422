/** tests/fixtures/exports, written by the tools' own writers: scripts/goldens/exports.py. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors, type SafetensorsFile } from '../../../src/adapter/safetensors.ts';
import type { ExportFile } from '../../../src/exporters/export-file.ts';
import { bytesOf } from '../../../src/exporters/export-file.ts';
import type { ExportSubject } from '../../../src/exporters/subject.ts';
import type { ModelFiles } from '../../../src/model/model-files.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { exportSubject } from '../../../src/trainer/export-subject.ts';

export const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '../../fixtures/exports', name)));

export async function subject(changes: Partial<ExportSubject> = {}): Promise<ExportSubject> {
  const [config, weights] = ['adapter_config.json', 'adapter_model.safetensors'].map(
    (name) => new Blob([fixture(`adapter/${name}`) as BlobPart]),
  );
  const model = parseModelConfig(JSON.parse(new TextDecoder().decode(fixture('model/config.json'))));
  return {
    ...(await exportSubject(
      { name: 'fixture', config, weights },
      { model, chatTemplate: null, records: new Map() },
    )),
    ...changes,
  };
}

export const modelFiles = (without: readonly string[] = []): ModelFiles => ({
  name: 'fixture',
  base: { nameOrPath: 'some/llama', revision: null },
  open: async (name) => {
    const path = join(import.meta.dirname, '../../fixtures/exports/model', name);
    return existsSync(path) && !without.includes(name)
      ? bytesSource(new Uint8Array(readFileSync(path)))
      : null;
  },
});

export async function contentOf(files: readonly ExportFile[], name: string): Promise<Uint8Array> {
  const file = files.find((one) => one.name === name);
  if (file === undefined) throw new Error(`no ${name} among ${files.map((one) => one.name).join(', ')}`);
  return bytesOf(file);
}

export const jsonOf = (bytes: Uint8Array): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;

/** Dtype, shape and bytes of every tensor, by name. */
export async function tensorsOf(bytes: Uint8Array): Promise<Record<string, unknown>> {
  const file: SafetensorsFile = await openSafetensors(bytesSource(bytes));
  const entries = [...file.tensors].map(async ([name, { dtype, shape }]) => {
    return [name, { dtype, shape, bytes: Buffer.from(await file.readBytes(name)).toString('hex') }] as const;
  });
  return Object.fromEntries((await Promise.all(entries)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What tells a model or an adapter from another one, as a hash of its files. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { demoFolder, modelInput } from './inputs.ts';

const READ_WHOLE_BYTES = 16 << 20;
const HASH_DIGITS = 16;

/** Of large files size and time of change stand for their content: reading gigabytes would take longer than the first answers. */
export function folderHash(folder: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    const stat = statSync(path);
    if (!stat.isFile() || !/\.(?:json|safetensors|jinja|model)$/.test(name)) continue;
    hash.update(`${name}\0${stat.size}\0`);
    hash.update(stat.size <= READ_WHOLE_BYTES ? readFileSync(path) : String(stat.mtimeMs));
  }
  return hash.digest('hex').slice(0, HASH_DIGITS);
}

/** A folder's name is not enough: other weights may have taken their place. */
export function modelIdOf({ model, quantization }: { model: string; quantization: string }): string {
  const folder = model === 'demo' ? demoFolder : model;
  const isHub = model !== 'demo' && modelInput(model).served.kind === 'hub';
  return `${isHub ? model : `${model} ${folderHash(folder)}`} ${quantization}`;
}

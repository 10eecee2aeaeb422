/** What a run is a run of, as its checkpoints remember it: data and weights by their content, not by their names. */
import type { TokenizedExample } from '../data/mask.ts';
import type { LoadedModel } from '../model/load-model.ts';
import { weightsFingerprint } from '../model/weights-fingerprint.ts';

export interface RunIdentity {
  readonly model: string; // name
  readonly dataset: string; // name
  readonly data: string; // digest of every token, of what is trained, by which weight, and of where rows begin
  readonly weights: string; // fingerprint, after the format they are held in
  readonly modelConfig: Readonly<Record<string, unknown>>;
}

export async function runIdentity(
  { name, config, decoder }: LoadedModel,
  dataset: string,
  examples: readonly Pick<TokenizedExample, 'line' | 'tokens' | 'isTarget' | 'weights'>[],
): Promise<RunIdentity> {
  return {
    model: name,
    dataset,
    data: await dataDigest(examples),
    weights: await weightsFingerprint(decoder.gpu, decoder.weights),
    modelConfig: JSON.parse(JSON.stringify(config)) as Record<string, unknown>,
  };
}

const CHUNK_WORDS = 1 << 20;

/** SHA-256 over the SHA-256 of each chunk of 4 MiB, because the browser's takes a whole message at once. */
export async function dataDigest(
  examples: readonly Pick<TokenizedExample, 'line' | 'tokens' | 'isTarget' | 'weights'>[],
): Promise<string> {
  const digests: Uint8Array[] = [];
  const words = new Int32Array(CHUNK_WORDS);
  let used = 0;
  const flush = async (): Promise<void> => {
    digests.push(await sha256(new Uint8Array(words.buffer, 0, 4 * used)));
    used = 0;
  };
  for (const [i, { line, tokens, isTarget, weights }] of examples.entries()) {
    const isNewRow = i === 0 || examples[i - 1].line !== line;
    for (let t = -1; t < tokens.length; t++) {
      words[used++] = t < 0 ? 2 * tokens.length + (isNewRow ? 1 : 0) : 2 * tokens[t] + isTarget[t];
      if (used === CHUNK_WORDS) await flush();
    }
    for (const bits of weights ? new Int32Array(Float32Array.from(weights).buffer) : []) {
      words[used++] = bits;
      if (used === CHUNK_WORDS) await flush();
    }
  }
  await flush();
  const all = new Uint8Array(digests.flatMap((digest) => [...digest]));
  return [...(await sha256(all))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));

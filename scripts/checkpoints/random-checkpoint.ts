/**
 * A random checkpoint in Hugging Face layout: bf16 safetensors in shards, written as a stream, the same bytes for the
 * same seed. Values have the spread of a trained model, so that activations stay finite through 28 layers.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkpointTensors,
  elementCount,
  type CheckpointTensor,
} from '../../src/architecture/checkpoint-tensors.ts';
import { parseModelConfig, type ModelConfig } from '../../src/model/model-config.ts';

export interface CheckpointOptions {
  readonly config: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly shardBytes: number; // a tensor is never split
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/** Writes config.json, the shards and their index into an existing folder; gives the bytes of the weights. */
export function writeRandomCheckpoint(folder: string, options: CheckpointOptions): number {
  const config = parseModelConfig(options.config);
  const tensors = checkpointTensors(config);
  const shards = intoShards(tensors, options.shardBytes);
  const total = tensors.reduce((sum, tensor) => sum + 2 * elementCount(tensor), 0);
  let done = 0;
  const weightMap: Record<string, string> = {};
  const fileName = (i: number): string =>
    shards.length === 1
      ? 'model.safetensors'
      : `model-${String(i + 1).padStart(5, '0')}-of-${String(shards.length).padStart(5, '0')}.safetensors`;
  for (const [i, shard] of shards.entries()) {
    const file = openSync(join(folder, fileName(i)), 'w');
    try {
      writeSync(file, headerOf(shard));
      for (const tensor of shard) {
        weightMap[tensor.name] = fileName(i);
        for (const bytes of randomValues(tensor, config, options.seed)) {
          writeSync(file, bytes);
          done += bytes.length;
          options.onProgress(done, total);
        }
      }
    } finally {
      closeSync(file);
    }
  }
  writeJson(join(folder, 'config.json'), options.config);
  if (shards.length > 1)
    writeJson(join(folder, 'model.safetensors.index.json'), {
      metadata: { total_size: total },
      weight_map: weightMap,
    });
  return total;
}

function intoShards(tensors: readonly CheckpointTensor[], shardBytes: number): CheckpointTensor[][] {
  const shards: CheckpointTensor[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const size = 2 * elementCount(tensor);
    if (bytes > 0 && bytes + size > shardBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)?.push(tensor);
    bytes += size;
  }
  return shards;
}

function headerOf(tensors: readonly CheckpointTensor[]): Buffer {
  let at = 0;
  const entries = tensors.map((tensor) => {
    const start = at;
    at += 2 * elementCount(tensor);
    return [tensor.name, { dtype: 'BF16', shape: tensor.shape, data_offsets: [start, at] }] as const;
  });
  const json = JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) });
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, Buffer.from(padded)]);
}

const chunkValues = 2 ** 22;
const normals = quantiles();

/** bf16, little endian, in chunks. Each tensor has its own stream: the order of the tensors changes nothing. */
function* randomValues(
  tensor: CheckpointTensor,
  { hiddenSize, layerCount }: ModelConfig,
  seed: number,
): Generator<Buffer> {
  const [mean, deviation] = {
    norm: [1, 0.1] as const,
    bias: [0, 0.05] as const,
    embedding: [0, 0.02] as const,
    matrix: [0, 1 / Math.sqrt(hiddenSize * Math.sqrt(2 * layerCount))] as const,
  }[tensor.kind];
  const table = Uint16Array.from(normals, (normal) => toBf16(mean + deviation * normal));
  let state = createHash('sha256').update(`${seed} ${tensor.name}`).digest().readUInt32LE(0) | 1;
  let left = elementCount(tensor);
  while (left > 0) {
    const values = new Uint16Array(Math.min(left, chunkValues));
    for (let i = 0; i < values.length; i++) {
      // xorshift32 (Marsaglia 2003); its upper half chooses one of 65,536 quantiles
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      values[i] = table[state >>> 16];
    }
    left -= values.length;
    yield Buffer.from(values.buffer);
  }
}

/** 65,536 equally likely values of a normal distribution: Box–Muller over a fixed grid, sorted by nothing. */
function quantiles(): Float64Array {
  return Float64Array.from({ length: 65_536 }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(((i >> 8) + 0.5) / 256));
    return radius * Math.cos((2 * Math.PI * ((i & 255) + 0.5)) / 256);
  });
}

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);
function toBf16(value: number): number {
  floats[0] = value;
  return (words[0] + 0x7fff + ((words[0] >>> 16) & 1)) >>> 16; // to nearest, ties to even
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 1)}\n`);
}

import { readGgufAdapter } from '../adapter/gguf.ts';
import type { AdapterContent } from '../adapter/one-size.ts';
import { readAdapterFiles } from '../adapter/read.ts';
import { openSafetensors } from '../adapter/safetensors.ts';
import type { ModelShape } from '../adapter/ggml.ts';
import { blobSource } from '../support/byte-source.ts';
import type { AdapterFiles } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';

/** PEFT's are a few kilobytes; with patterns for every module some hundred. */
const mostConfigBytes = 16 * 2 ** 20;

/** @param model the adapter's, where it is known. @throws TrainerError "adapter-invalid" */
export async function readAdapter(
  { name, config, weights }: AdapterFiles,
  model: ModelShape | null,
): Promise<AdapterContent> {
  if (config === null) return readGgufAdapter(blobSource(weights), model);
  if (config.size > mostConfigBytes)
    throw new TrainerError(
      'adapter-invalid',
      `adapter_config.json of the adapter "${name}" has ${config.size} bytes, and at most ${mostConfigBytes} are read.`,
    );
  const file = await openSafetensors(blobSource(weights)).catch((error: unknown) => {
    throw new TrainerError(
      'adapter-invalid',
      `The weights of the adapter "${name}" are not a usable safetensors file.`,
      String(error),
    );
  });
  return readAdapterFiles(await config.text(), file);
}

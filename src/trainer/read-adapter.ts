import { readAdapterFiles } from '../adapter/read.ts';
import { openSafetensors } from '../adapter/safetensors.ts';
import { blobSource } from '../support/byte-source.ts';
import type { AdapterFiles } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';

/** PEFT's are a few kilobytes; with patterns for every module some hundred. */
const mostConfigBytes = 16 * 2 ** 20;

/** @throws TrainerError "adapter-invalid" */
export async function readAdapter(source: AdapterFiles): ReturnType<typeof readAdapterFiles> {
  if (source.config.size > mostConfigBytes)
    throw new TrainerError(
      'adapter-invalid',
      `adapter_config.json of the adapter "${source.name}" has ${source.config.size} bytes, and at most ${mostConfigBytes} are read.`,
    );
  const weights = await openSafetensors(blobSource(source.weights)).catch((error: unknown) => {
    throw new TrainerError(
      'adapter-invalid',
      `The weights of the adapter "${source.name}" are not a usable safetensors file.`,
      String(error),
    );
  });
  return readAdapterFiles(await source.config.text(), weights);
}

/** An adapter's config and weights, whoever wrote them: PEFT or mlx-lm. */
import { parseJson } from '../support/parse-json.ts';
import { isMlxConfig, readMlxAdapter } from './mlx.ts';
import type { AdapterContent } from './one-size.ts';
import { readPeftAdapter } from './peft.ts';
import type { SafetensorsFile } from './safetensors.ts';

/** @throws TrainerError "adapter-invalid" */
export async function readAdapterFiles(
  configText: string,
  weights: SafetensorsFile,
): Promise<AdapterContent> {
  const config = parsed(configText);
  return isMlxConfig(config) ? readMlxAdapter(config, weights) : readPeftAdapter(configText, weights);
}

/** undefined: it is no JSON, which the reader of PEFT's says. */
function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** The golden fixtures of scripts/goldens/make_goldens.py, as the tests use them. */
import { openSafetensors, type SafetensorsFile } from '../../src/adapter/safetensors.ts';
import { blobSource } from '../../src/support/byte-source.ts';
import type { AdapterContent } from '../../src/adapter/one-size.ts';
import { readPeftAdapter, type LoraModule } from '../../src/adapter/peft.ts';
import type { LoraSettings } from '../../src/adapter/peft.ts';
import { requireRunConfig, type RunConfig } from '../../src/config/run-config.ts';
import type { TokenizedExample } from '../../src/data/mask.ts';
import type { Gpu } from '../../src/device/open-device.ts';
import { Adapter, fromModules } from '../../src/model/adapter.ts';
import { loadModel, type LoadedModel } from '../../src/model/load-model.ts';
import { fetchedAssets } from '../../src/host/browser/browser-host.ts';
import { openModelFiles, type ModelFiles } from '../../src/model/model-files.ts';
import { fixtureUrl } from './open.ts';

export const goldenNames = [
  'tied-gqa',
  'untied-mqa',
  'untied-rslora',
  'tied-bf16',
  'qwen3-tied-f16',
  'qwen3-untied-sharded',
  'llama-tied-rope3',
  'llama-untied-sharded',
] as const;

export interface GoldenJson {
  readonly batch: {
    readonly rows: readonly number[];
    readonly positions?: readonly (readonly number[])[]; // of each row, those whose logits are kept; all where it is not said
    readonly loss: number;
    readonly loss_base: number;
    readonly target_tokens: number;
  };
  readonly greedy: readonly {
    readonly prompt: string;
    readonly prompt_ids: readonly number[];
    readonly base: readonly number[];
    readonly adapter: readonly number[];
  }[];
  readonly curve: {
    readonly settings: Record<string, unknown>;
    readonly steps: readonly {
      readonly step: number;
      readonly loss: number;
      readonly grad_norm: number;
      readonly learning_rate: number;
      readonly target_tokens: number;
    }[];
  };
  readonly rows: readonly {
    readonly line: number;
    readonly ids: readonly number[];
    readonly is_target: readonly number[];
  }[];
}

export interface Golden {
  readonly json: GoldenJson;
  readonly tensors: SafetensorsFile;
  readonly model: LoadedModel;
  readonly config: RunConfig; // of the curve
  readonly settings: LoraSettings; // of the initial adapter
  readonly examples: readonly TokenizedExample[];
  readonly finalModules: readonly LoraModule[];
  /** A fresh adapter with the golden initial values. Caller disposes. */
  makeAdapter(): Adapter;
}

async function blobAt(path: string): Promise<Blob> {
  const response = await fetch(fixtureUrl(path));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.blob();
}
const adapterAt = async (path: string): Promise<AdapterContent> =>
  readPeftAdapter(
    await (await blobAt(`${path}/adapter_config.json`)).text(),
    await openSafetensors(blobSource(await blobAt(`${path}/adapter_model.safetensors`))),
  );

export const goldenFiles = (name: string): ModelFiles =>
  openModelFiles(
    { kind: 'url', name, baseUrl: fixtureUrl(`goldens/${name}/model/`) },
    fetchedAssets(location.origin),
  );

export async function openGolden(gpu: Gpu, name: string): Promise<Golden> {
  const folder = `goldens/${name}`;
  const json = JSON.parse(await (await blobAt(`${folder}/golden.json`)).text()) as GoldenJson;
  const model = await loadModel(gpu, goldenFiles(name), 'f32', () => undefined);
  const { settings, modules } = await adapterAt(`${folder}/adapter`);
  return {
    json,
    tensors: await openSafetensors(blobSource(await blobAt(`${folder}/golden.safetensors`))),
    model,
    settings,
    config: requireRunConfig(json.curve.settings),
    examples: json.rows.map(({ line, ids, is_target }) => ({
      line,
      tokens: Int32Array.from(ids),
      isTarget: Uint8Array.from(is_target),
      targetCount: is_target.reduce((n, flag) => n + flag, 0),
      truncated: false,
    })),
    finalModules: (await adapterAt(`${folder}/final_adapter`)).modules,
    makeAdapter: () => {
      const adapter = new Adapter(gpu, model.config, settings);
      adapter.writeParameters(fromModules(adapter.plan, settings, modules));
      return adapter;
    },
  };
}

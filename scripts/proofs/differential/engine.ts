/**
 * Our side of a loss: the product's own loader and engine on Dawn, in Node. Loaded through vite, which gives tfjs one copy
 * of itself; Node by itself finds two.
 */
import { readdirSync } from 'node:fs';
import { openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { toBatch } from '../../../src/data/batch.ts';
import type { TokenizedExample } from '../../../src/data/mask.ts';
import { openDevice, type Gpu } from '../../../src/device/open-device.ts';
import { openNodeGpu } from '../../../src/host/node/node-gpu.ts';
import { selfTest } from '../../../src/self-test/self-test.ts';
import { Adapter, fromModules, moduleNames } from '../../../src/model/adapter.ts';
import { loadModel, type LoadedModel } from '../../../src/model/load-model.ts';
import { openModelFiles } from '../../../src/model/model-files.ts';
import { TrainingPass } from '../../../src/model/training-pass.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { checkLengths } from '../../../src/trainer/check-rows.ts';
import { readAdapter } from '../../../src/trainer/read-adapter.ts';
import type { Outcome } from './cases.ts';
import { refusalOf } from './refusal.ts';

/** @throws where there is no Vulkan driver. */
export async function openEngine(): Promise<Gpu> {
  const gpu = await openDevice(await openNodeGpu());
  await selfTest(gpu);
  return gpu;
}

async function filesOf(folder: string): Promise<File[]> {
  return Promise.all(
    readdirSync(folder).map(async (name) => new File([await openAsBlob(join(folder, name))], name)),
  );
}

const nothing = (): Promise<null> => Promise.resolve(null);
const noAssets = { open: nothing, blob: nothing };

async function open(gpu: Gpu, folder: string): Promise<LoadedModel> {
  const source = { kind: 'files', name: 'variant', files: await filesOf(folder) } as const;
  return loadModel(gpu, openModelFiles(source, noAssets), 'f32', () => undefined);
}

const blank = { r: 4, loraAlpha: 4, loraDropout: 0, useRslora: false, targetModules: ['q_proj'] } as const;

/** Mean loss of the rows, every token after the first a target. */
export async function lossOf(
  gpu: Gpu,
  modelFolder: string,
  adapterFolder: string | null,
  rows: readonly (readonly number[])[],
): Promise<Outcome> {
  let model: LoadedModel | null = null;
  let adapter: Adapter | null = null;
  let pass: TrainingPass | null = null;
  try {
    const read = adapterFolder === null ? null : await adapterOf(adapterFolder);
    model = await open(gpu, modelFolder);
    const only = read === null ? null : moduleNames(read.modules); // as the product loads one to generate
    adapter = new Adapter(gpu, model.config, read?.settings ?? blank, only);
    if (read !== null) adapter.writeParameters(fromModules(adapter.plan, read.settings, read.modules));
    const examples = rows.map((ids, line): TokenizedExample => ({
      line,
      tokens: Int32Array.from(ids),
      isTarget: Uint8Array.from(ids, (_, t) => (t > 0 ? 1 : 0)),
      targetCount: ids.length - 1,
      truncated: false,
    }));
    checkLengths(examples, model.config.maxPositions, defaultRunConfig);
    const batch = toBatch(examples);
    pass = new TrainingPass(model.decoder, adapter, {
      rows: batch.tokenCount,
      lossRows: batch.targetCount,
      checkpointing: true,
    });
    pass.evaluate(batch, 0);
    const logProbs = await pass.readLogProbs(0, batch.targetCount);
    const lossSum = logProbs.reduce((sum, logProb) => sum - logProb, 0);
    gpu.assertHealthy();
    return {
      kind: 'loss',
      loss: lossSum / batch.targetCount,
      eosIds: model.tokenizer.eosIds,
      notes: model.notes,
    };
  } catch (error) {
    return refusalOf(error);
  } finally {
    pass?.dispose();
    adapter?.dispose();
    model?.decoder.dispose();
  }
}

async function adapterOf(folder: string): ReturnType<typeof readAdapter> {
  const [config, weights] = await Promise.all(
    ['adapter_config.json', 'adapter_model.safetensors'].map((name) => openAsBlob(join(folder, name))),
  );
  return readAdapter({ name: 'variant', config, weights }, null);
}

/** The page's calls about the device, models and adapters. */
import type { TrainerApi } from '../../api/trainer-api.ts';
import type { WeightFormat } from '../../kernels/weight-matrix.ts';
import { isCurrent } from '../../model/kept-models.ts';
import { formatOf, quantizationOf } from '../memory-advice.ts';
import type { Current } from './current.ts';

export const modelCalls = (current: Current) =>
  ({
    openDevice: async (isProvedLater = false) =>
      (await (isProvedLater ? current.unprovedEngine() : current.engine())).report,
    proveDevice: async () => void (await current.engine()),
    destroyDevice: async () => current.openEngine?.gpu.device.destroy(),

    loadModel: (source, quantization, onProgress) =>
      current.exclusively('loading a model', async () => {
        const model = await current.load(source, quantization, onProgress);
        current.dataset = null; // its tokens belong to the other tokenizer
        model.engine.assertHealthy();
        return model.report;
      }),
    cancelLoading: async () => current.cancel('loading'),

    listCurated: async () => (await current.unprovedEngine()).curatedModels(),
    listKept: async () =>
      ((await (await current.trainer.keptModels())?.list()) ?? []).map(({ key, content, ...entry }) => ({
        ...entry,
        ...key,
        quantization: quantizationOf(key.quantization as WeightFormat),
        revision: content.revision,
        isCurrent: isCurrent({ key, content }),
      })),
    removeKept: async ({ repo, commit, quantization }) =>
      (await current.trainer.keptModels())?.remove({ repo, commit, quantization: formatOf(quantization) }),
    removeAllKept: async () => (await current.trainer.keptModels())?.removeAll(),

    loadAdapter: (source) =>
      current.exclusively('loading an adapter', async () => {
        (await current.engine()).assertHealthy();
        current.use({ adapter: await current.requireModel().loadAdapter(source) });
      }),
    generate: (request) =>
      current.exclusively('generating', async () => {
        (await current.engine()).assertHealthy();
        return current.requireModel().generate(request, current.run?.adapter ?? current.looseAdapter);
      }),
  }) satisfies Partial<TrainerApi>;

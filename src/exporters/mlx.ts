/**
 * The adapter as mlx-lm reads it: factors transposed, because MLX multiplies x · a · b, a scale instead of alpha, and names of
 * modules counted from their layer. mlx-lm adapts the last `num_layers` layers; those without weights here keep b = 0.
 */
import { transposed } from '../adapter/mlx.ts';
import { linearModules, loraTargets, moduleName } from '../architecture/modules.ts';
import { loraScaling } from '../config/run-config.ts';
import { textFile, type ExportFile } from './export-file.ts';
import type { ExportDtype } from './number-format.ts';
import { floatTensor, safetensorsFile } from './safetensors-file.ts';
import { requireModel, type ExportSubject } from './subject.ts';

export function mlxFiles(subject: ExportSubject, dtype: ExportDtype): ExportFile[] {
  const { layerCount } = requireModel(subject, 'MLX');
  const { settings, modules } = subject;
  const { r } = settings;
  const tensors = modules.flatMap(({ layer, target, inFeatures, outFeatures, a, b }) => {
    const name = moduleName(layer, target);
    return [
      floatTensor(`${name}.lora_a`, [inFeatures, r], transposed(a, r, inFeatures), dtype),
      floatTensor(`${name}.lora_b`, [r, outFeatures], transposed(b, outFeatures, r), dtype),
    ];
  });
  const used = loraTargets.filter((target) => modules.some((module) => module.target === target));
  const config = {
    fine_tune_type: 'lora',
    num_layers: layerCount - Math.min(...modules.map(({ layer }) => layer)),
    lora_parameters: {
      rank: r,
      scale: loraScaling(settings),
      dropout: settings.loraDropout,
      keys: linearModules
        .filter(({ name }) => used.includes(name))
        .map(({ block, name }) => `${block}.${name}`),
    },
  };
  return [
    safetensorsFile('adapters.safetensors', tensors, { format: 'mlx' }),
    textFile('adapter_config.json', `${JSON.stringify(config, null, 2)}\n`),
  ];
}

/** The adapter as PEFT reads it, in the wanted format, with the chat template it was trained with. */
import { adapterConfig } from '../adapter/peft-config.ts';
import { moduleName } from '../architecture/modules.ts';
import { textFile, type ExportFile } from './export-file.ts';
import type { ExportDtype } from './number-format.ts';
import { floatTensor, safetensorsFile } from './safetensors-file.ts';
import type { ExportSubject } from './subject.ts';

export function peftFiles(
  {
    settings,
    modules,
    base,
    chatTemplate,
  }: Pick<ExportSubject, 'settings' | 'modules' | 'base' | 'chatTemplate'>,
  dtype: ExportDtype,
): ExportFile[] {
  const { r } = settings;
  const tensors = modules.flatMap(({ layer, target, inFeatures, outFeatures, a, b }) => {
    const name = `base_model.model.${moduleName(layer, target)}`;
    return [
      floatTensor(`${name}.lora_A.weight`, [r, inFeatures], a, dtype),
      floatTensor(`${name}.lora_B.weight`, [outFeatures, r], b, dtype),
    ];
  });
  tensors.sort((x, y) => (x.name < y.name ? -1 : 1));
  return [
    safetensorsFile('adapter_model.safetensors', tensors, { format: 'pt' }),
    textFile('adapter_config.json', `${JSON.stringify(adapterConfig(settings, base), null, 2)}\n`),
    ...(chatTemplate === null ? [] : [textFile('chat_template.jinja', chatTemplate)]),
  ];
}

/**
 * The adapter as llama.cpp reads it, and with it Ollama and LM Studio: factors under the names of ggml's tensors, and the alpha
 * from which llama.cpp computes alpha / rank. Every tensor must be one of the base with `.lora_a` or `.lora_b` behind it,
 * or the whole file is refused there.
 */
import { ggmlNames, pairedRows, rotatedHeads } from '../adapter/ggml.ts';
import { moduleName } from '../architecture/modules.ts';
import { loraScaling } from '../config/run-config.ts';
import { textFile, type ExportFile } from './export-file.ts';
import { ggufFile, ggufFileType, type GgufTensor } from './gguf-file.ts';
import type { ExportDtype } from './number-format.ts';
import { requireModel, type ExportSubject } from './subject.ts';

export function ggufFiles(subject: ExportSubject, dtype: ExportDtype): ExportFile[] {
  const model = requireModel(subject, 'GGUF');
  const { settings, modules, base } = subject;
  const { r } = settings;
  const tensors = modules.flatMap(({ layer, target, inFeatures, outFeatures, a, b }): GgufTensor[] => {
    const name = `blk.${layer}.${ggmlNames[target]}.weight`;
    const heads = rotatedHeads(model, target);
    if (heads !== null && outFeatures !== heads * model.headSize)
      throw new Error(
        `${moduleName(layer, target)} has ${outFeatures} rows, not ${heads} heads of ${model.headSize}`,
      );
    return [
      { name: `${name}.lora_a`, shape: [r, inFeatures], values: a },
      {
        name: `${name}.lora_b`,
        shape: [outFeatures, r],
        values: heads === null ? b : pairedRows(b, { heads, headSize: model.headSize, columns: r }),
      },
    ];
  });
  const text = (value: string) => ({ kind: 'string', value }) as const;
  return [
    ggufFile(
      'adapter.gguf',
      {
        'general.architecture': text(model.family),
        'general.type': text('adapter'),
        'general.name': text(`LoRA adapter for ${base.nameOrPath}`),
        'general.file_type': { kind: 'uint32', value: ggufFileType[dtype] },
        'adapter.type': text('lora'),
        // llama.cpp divides by the rank, whatever made the scale
        'adapter.lora.alpha': { kind: 'float32', value: loraScaling(settings) * r },
      },
      tensors,
      dtype,
    ),
    textFile('Modelfile', modelfile(subject)),
  ];
}

function modelfile({ base }: ExportSubject): string {
  const name = base.nameOrPath.replace(/\s+/g, ' ');
  const revision = base.revision === null ? '' : `, revision ${base.revision}`;
  return [
    `# The adapter was trained on ${name}${revision}. FROM must be that model: a folder with its safetensors, or a GGUF made of it.`,
    '# With another model the adapter does not load, or means something else.',
    'FROM ./base',
    'ADAPTER ./adapter.gguf',
    '',
  ].join('\n');
}

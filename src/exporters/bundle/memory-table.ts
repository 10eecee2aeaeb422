/**
 * What models of known sizes need of a GPU when an adapter is trained on them elsewhere, as an estimate:
 *
 *   weights      2 bytes each (bf16); nf4: 0.53 for those of the layers, 2 for embedding and head, as bitsandbytes holds them
 *   adapter      16 bytes a value: itself, its gradient and AdamW's two moments, in float32
 *   activations  N tokens at once, layers recomputed: 2·N·C·L for the layers' inputs, and 2·N·(16·C + 6·F) for the one at work
 *   the rest     1 GiB for the driver, the allocator and the tiles of the LM head
 */
import { linearModules, widthOf, type DecoderWidths } from '../../architecture/modules.ts';

interface KnownModel extends DecoderWidths {
  readonly name: string;
  readonly tiedHead: boolean;
}

/** Of their published config.json. */
const known: readonly KnownModel[] = [
  { name: 'SmolLM2-135M', ...widths(576, 1536, 30, 9, 3, 64, 49_152), tiedHead: true },
  { name: 'Qwen3-0.6B', ...widths(1024, 3072, 28, 16, 8, 128, 151_936), tiedHead: true },
  { name: 'R1-Distill-Qwen-1.5B', ...widths(1536, 8960, 28, 12, 2, 128, 151_936), tiedHead: false },
  { name: 'R1-Distill-Qwen-7B', ...widths(3584, 18_944, 28, 28, 4, 128, 152_064), tiedHead: false },
  { name: 'R1-Distill-Llama-8B', ...widths(4096, 14_336, 32, 32, 8, 128, 128_256), tiedHead: false },
];

function widths(...sizes: readonly [number, number, number, number, number, number, number]): DecoderWidths {
  const [hiddenSize, intermediateSize, layerCount, headCount, kvHeadCount, headSize, vocabSize] = sizes;
  return { hiddenSize, intermediateSize, layerCount, headCount, kvHeadCount, headSize, vocabSize };
}

export interface MemoryQuestion {
  readonly r: number;
  readonly targetModules: readonly string[];
  readonly tokens: number; // of a micro-batch
}

interface Need {
  readonly name: string;
  readonly parameters: number;
  readonly bf16Bytes: number;
  readonly nf4Bytes: number;
}

export function memoryNeeds({ r, targetModules, tokens }: MemoryQuestion): Need[] {
  return known.map(({ name, tiedHead, ...model }) => {
    const { hiddenSize: c, intermediateSize: f, layerCount, vocabSize } = model;
    let [linear, adapter] = [0, 0];
    for (const module of linearModules) {
      const [input, output] = [widthOf(model, module.input), widthOf(model, module.output)];
      linear += layerCount * input * output;
      if (targetModules.includes(module.name)) adapter += layerCount * r * (input + output);
    }
    const tables = vocabSize * c * (tiedHead ? 1 : 2);
    const rest = 16 * adapter + 2 * tokens * (c * layerCount + 16 * c + 6 * f) + 2 ** 30;
    return {
      name,
      parameters: linear + tables,
      bf16Bytes: 2 * (linear + tables) + rest,
      nf4Bytes: 0.53 * linear + 2 * tables + rest,
    };
  });
}

/** Markdown. */
export function memoryTable(question: MemoryQuestion): string {
  const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  return [
    '| Model | Parameters | bf16, GiB | nf4, GiB |',
    '| --- | ---: | ---: | ---: |',
    ...memoryNeeds(question).map(
      ({ name, parameters, bf16Bytes, nf4Bytes }) =>
        `| ${name} | ${(parameters / 1e9).toFixed(2)}B | ${gib(bf16Bytes)} | ${gib(nf4Bytes)} |`,
    ),
  ].join('\n');
}

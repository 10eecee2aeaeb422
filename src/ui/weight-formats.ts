import type { RunConfig } from '../config/run-config.ts';

interface WeightFormatWords {
  readonly id: RunConfig['quantization'];
  readonly name: string;
  readonly label: string; // with what it costs
}

/** How a base's weights can be held on the GPU, the most exact first. */
export const weightFormats: readonly WeightFormatWords[] = [
  { id: 'none', name: 'float32', label: 'float32, 4 bytes a weight: exact' },
  { id: 'f16', name: 'float16', label: 'float16, 2 bytes' },
  { id: 'int8', name: 'int8', label: 'int8, 1 byte' },
  { id: 'nf4', name: 'nf4', label: 'nf4 as in QLoRA, half a byte; embedding and head int8' },
];

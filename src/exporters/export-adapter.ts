/** The formats an adapter can be taken away in, by name: each gives files in a folder of its own. */
import type { AdapterFormat } from '../config/export-choices.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { ExportFile } from './export-file.ts';
import { ggufFiles } from './gguf.ts';
import { mlxFiles } from './mlx.ts';
import { firstLost, type ExportDtype } from './number-format.ts';
import { peftFiles } from './peft.ts';
import { recordFiles } from './record.ts';
import type { ExportSubject } from './subject.ts';

const makers = {
  peft: peftFiles,
  gguf: ggufFiles,
  mlx: mlxFiles,
  record: recordFiles,
} as const satisfies Record<AdapterFormat, (subject: ExportSubject, dtype: ExportDtype) => ExportFile[]>;

/** @throws TrainerError "nothing-to-export" where a format needs what is not known, or cannot hold the adapter's values */
export function adapterExport(
  subject: ExportSubject,
  format: AdapterFormat,
  dtype: ExportDtype,
): ExportFile[] {
  for (const { a, b } of subject.modules) {
    const lost = firstLost(a, dtype) ?? firstLost(b, dtype);
    if (lost !== null)
      throw new TrainerError(
        'nothing-to-export',
        `The adapter holds ${lost}, which ${dtype} cannot: export it as f32 or bf16.`,
      );
  }
  return makers[format](subject, dtype);
}

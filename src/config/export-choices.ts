/** What a trained adapter can be taken away as (src/exporters), and how its numbers are written. */
export const adapterFormats = ['peft', 'gguf', 'mlx', 'record'] as const;
export type AdapterFormat = (typeof adapterFormats)[number];

/** `merged` needs the weights of the base besides, `bundle` the dataset. */
export const exportFormats = [...adapterFormats, 'merged', 'bundle'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const exportDtypes = ['f32', 'f16', 'bf16'] as const;
export type ExportDtype = (typeof exportDtypes)[number];

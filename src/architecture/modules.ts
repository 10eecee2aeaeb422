/**
 * What a decoder of the three families (Qwen2, Qwen3, Llama) is made of, once: the modules of a layer as a Hugging Face
 * checkpoint calls them, their sizes, which of them lie together on the GPU and which of them LoRA may adapt. Where
 * families differ (a bias, a norm of queries and keys, a head of its own), a size of the configuration says so.
 */

/** The sizes of its matrices. */
export interface DecoderWidths {
  readonly hiddenSize: number; // C
  readonly intermediateSize: number; // F
  readonly layerCount: number;
  readonly headCount: number; // H
  readonly kvHeadCount: number; // K
  readonly headSize: number; // D
  readonly vocabSize: number; // V
}

/** What all sizes depend on; a ModelConfig is one. */
export interface DecoderSizes extends DecoderWidths {
  readonly qkvBias: boolean;
  readonly qkNorm: boolean;
  readonly tiedHead: boolean;
}

/** A size of the model by its role. */
export type Width = 'hidden' | 'feedForward' | 'queries' | 'keys' | 'oneHead';

export function widthOf(sizes: DecoderWidths, width: Width): number {
  switch (width) {
    case 'hidden':
      return sizes.hiddenSize;
    case 'feedForward':
      return sizes.intermediateSize;
    case 'queries':
      return sizes.headCount * sizes.headSize;
    case 'keys':
      return sizes.kvHeadCount * sizes.headSize;
    case 'oneHead':
      return sizes.headSize;
  }
}

/** The four products of a layer: linear modules of one site share an input and are one matrix on the GPU, by rows. */
export const sites = ['qkv', 'o', 'gateUp', 'down'] as const;
export type Site = (typeof sites)[number];

interface LinearModule {
  readonly name: string;
  readonly block: 'self_attn' | 'mlp';
  readonly site: Site;
  readonly input: Width;
  readonly output: Width;
}

/** Every linear module of a layer, in the order of a checkpoint and of PEFT; LoRA may adapt each. */
export const linearModules = [
  { name: 'q_proj', block: 'self_attn', site: 'qkv', input: 'hidden', output: 'queries' },
  { name: 'k_proj', block: 'self_attn', site: 'qkv', input: 'hidden', output: 'keys' },
  { name: 'v_proj', block: 'self_attn', site: 'qkv', input: 'hidden', output: 'keys' },
  { name: 'o_proj', block: 'self_attn', site: 'o', input: 'queries', output: 'hidden' },
  { name: 'gate_proj', block: 'mlp', site: 'gateUp', input: 'hidden', output: 'feedForward' },
  { name: 'up_proj', block: 'mlp', site: 'gateUp', input: 'hidden', output: 'feedForward' },
  { name: 'down_proj', block: 'mlp', site: 'down', input: 'feedForward', output: 'hidden' },
] as const satisfies readonly LinearModule[];

/** Sites whose modules have a bias, and the size that says whether this model's have. */
export const biasOfSite: Readonly<Partial<Record<Site, 'qkvBias'>>> = { qkv: 'qkvBias' };

export type LoraTarget = (typeof linearModules)[number]['name'];
export const loraTargets: readonly LoraTarget[] = linearModules.map(({ name }) => name);

/** The linear modules of a site, in the order of their rows. */
export const modulesAt = (site: Site): readonly (typeof linearModules)[number][] =>
  linearModules.filter((module) => module.site === site);

const paths = Object.fromEntries(
  linearModules.map(({ name, block }) => [name, `${block}.${name}`]),
) as Readonly<Record<LoraTarget, string>>;

/** Names by which PEFT takes a target besides its own: the same with its block. */
export const targetPaths: Readonly<Record<string, LoraTarget>> = Object.fromEntries(
  loraTargets.map((target) => [paths[target], target]),
);

/** "model.layers.0.self_attn.q_proj" */
export const moduleName = (layer: number, target: LoraTarget): string =>
  `model.layers.${layer}.${paths[target]}`;

/** The opposite; null for what is no linear module of a layer, or is written otherwise. */
export function readModuleName(name: string): { layer: number; target: LoraTarget } | null {
  const match = /^model\.layers\.(\d+)\.(.+)$/.exec(name);
  const layer = Number(match?.[1]);
  const path = match?.[2] ?? '';
  if (!Number.isSafeInteger(layer) || !Object.hasOwn(targetPaths, path)) return null;
  const target = targetPaths[path];
  return moduleName(layer, target) === name ? { layer, target } : null;
}

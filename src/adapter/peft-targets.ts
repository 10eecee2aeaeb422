/** Which modules a LoraConfig of PEFT reaches: tuners_utils.py of PEFT 0.21, `check_target_module_exists`. */

import { isSafePattern } from '../support/regex-safety.ts';

/** Where a config names none: PEFT's default for the three families. */
const defaultTargets: readonly string[] = ['q_proj', 'v_proj'];

/** A pattern of Python that must match a whole name; null where JavaScript has no such pattern, or one that could take for ever. */
export function patternFor(pythonPattern: string): RegExp | null {
  const flags = /^\(\?([imsx]+)\)/.exec(pythonPattern);
  if (flags?.[1].includes('x')) return null;
  const body = pythonPattern
    .slice(flags?.[0].length ?? 0)
    .replaceAll('(?P<', '(?<')
    .replaceAll(/\(\?P=(\w+)\)/g, String.raw`\k<$1>`)
    .replaceAll(String.raw`\A`, '^')
    .replaceAll(String.raw`\Z`, '$');
  try {
    const pattern = new RegExp(`^(?:${body})$`, [...new Set(flags?.[1] ?? '')].join(''));
    return isSafePattern(pattern.source, pattern.flags) ? pattern : null;
  } catch {
    return null;
  }
}

/** `module`: "model.layers.0.self_attn.q_proj". null: it cannot be told, because a pattern cannot be read here. */
export function targetsModule(config: Readonly<Record<string, unknown>>, module: string): boolean | null {
  const excluded = config['exclude_modules'] ?? null;
  if (typeof excluded === 'string' && excluded !== '') {
    const pattern = patternFor(excluded);
    if (pattern === null) return null;
    if (pattern.test(module)) return false;
  }
  if (Array.isArray(excluded) && endsWithOne(module, excluded)) return false;

  const targets = config['target_modules'] ?? defaultTargets;
  if (typeof targets === 'string') {
    if (targets.toLowerCase() === 'all-linear') return true;
    return patternFor(targets)?.test(module) ?? null;
  }
  if (!Array.isArray(targets)) return false;
  if (targets.includes(module)) return true; // whatever layers_to_transform says
  return endsWithOne(module, targets) && inChosenLayers(config, module);
}

const endsWithOne = (module: string, names: readonly unknown[]): boolean =>
  names.some((name) => name === module || (typeof name === 'string' && module.endsWith(`.${name}`)));

function inChosenLayers(config: Readonly<Record<string, unknown>>, module: string): boolean {
  const chosen = [config['layers_to_transform'] ?? []].flat();
  if (chosen.length === 0) return true;
  const named = [config['layers_pattern'] ?? []].flat().filter((name) => name !== '');
  const patterns = named.length === 0 ? [String.raw`.*?\.[^.]*\.(\d+)\..*`] : named.map(layerPattern);
  const match = patterns.map((pattern) => patternFor(pattern)?.exec(module)).find((found) => found);
  return match?.[1] !== undefined && chosen.includes(Number(match[1]));
}

const layerPattern = (name: unknown): string =>
  String.raw`(?:.*?\.)?${typeof name === 'string' ? name : '(?!)'}\.(\d+)\..*`;
